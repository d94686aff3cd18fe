using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class UnixSocketFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kss").FullName;

    private string SocketPath => Path.Combine(_folder, "app.sock");

    [Fact]
    [Trait("Row", "A18")]
    public async Task What_a_killed_process_has_left_is_replaced_and_said()
    {
        using (ChildProcess child = ChildProcess.Start("serve", $"unix://{SocketPath}"))
        {
            Assert.Equal(SocketPath, await child.ReadLineAsync());
            await child.SignalAsync("KILL");
            await child.WaitForExitAsync();
        }

        Assert.True(File.Exists(SocketPath));
        await using TestHost host = await StartAsync();
        await EchoAsync();
        string line = Assert.Single(host.Logs.GetSnapshot(), record => record.Id.Name == "StaleSocketReplaced").Message;
        Assert.Contains(SocketPath, line, StringComparison.Ordinal);
        await host.StopAsync();
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    [Trait("Row", "A18")]
    [Trait("Row", "A13")]
    public async Task A_socket_that_is_served_is_not_replaced()
    {
        await using TestHost host = await StartAsync();
        await AssertRefusedAsync("the address is already in use: another socket is listening on it.");
        await EchoAsync();
    }

    [Fact]
    [Trait("Row", "A18")]
    [Trait("Row", "A13")]
    public async Task A_socket_whose_queue_is_full_is_served()
    {
        using Socket listener = Bind(SocketType.Stream);
        listener.Listen(1);
        List<Socket> clients = [];
        try
        {
            do
            {
                clients.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false });
            }
            while (TryConnect(clients[^1]));

            await AssertRefusedAsync("the address is already in use: another socket is listening on it.");
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    [Trait("Row", "A18")]
    [Trait("Row", "A13")]
    public async Task A_socket_for_datagrams_is_served()
    {
        using Socket other = Bind(SocketType.Dgram);
        await AssertRefusedAsync("the address is already in use: another socket is listening on it.");
    }

    [Theory]
    [InlineData("file")]
    [InlineData("folder")]
    [InlineData("link to a stale socket")]
    [InlineData("link to nothing")]
    [Trait("Row", "A18")]
    [Trait("Row", "A13")]
    public async Task What_is_no_socket_is_not_replaced(string kind)
    {
        string target = Path.Combine(_folder, "target");
        switch (kind)
        {
            case "file":
                await File.WriteAllTextAsync(SocketPath, "mine");
                break;
            case "folder":
                Directory.CreateDirectory(SocketPath);
                break;
            case "link to a stale socket":
                MakeStale();
                File.Move(SocketPath, target);
                File.CreateSymbolicLink(SocketPath, target);
                break;
            default:
                File.CreateSymbolicLink(SocketPath, target);
                break;
        }

        string[] before = List();
        await AssertRefusedAsync("there is a file of that name that is no socket; it is not replaced.");
        Assert.Equal(before, List());
        Assert.Equal(kind == "file" ? "mine" : "", kind == "file" ? await File.ReadAllTextAsync(SocketPath) : "");
    }

    [Theory]
    [InlineData("missing/app.sock", "its folder does not exist.")]
    [InlineData("file/app.sock", "a part of its path is no folder.")]
    [InlineData("circle/app.sock", "its path has too many symbolic links, or goes round in a circle.")]
    [Trait("Row", "A13")]
    public async Task A_path_that_leads_nowhere(string path, string reason)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "file"), "");
        File.CreateSymbolicLink(Path.Combine(_folder, "circle"), Path.Combine(_folder, "circle"));
        await AssertRefusedAsync(reason, Path.Combine(_folder, path));
    }

    [Fact]
    [Trait("Row", "A18")]
    public async Task Whoever_has_taken_the_place_of_the_file_keeps_it()
    {
        await using TestHost host = await StartAsync();
        File.Delete(SocketPath);
        await using TestHost other = await StartAsync();
        await host.StopAsync();
        await EchoAsync();
    }

    [Fact]
    [Trait("Row", "A18")]
    public async Task Of_those_who_start_at_the_same_time_one_replaces_it()
    {
        const int Hosts = 6;
        for (int round = 0; round < 5; round++)
        {
            MakeStale();
            using var barrier = new Barrier(Hosts);
            Task<TestHost?>[] starts = [.. Enumerable.Range(0, Hosts).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    Assert.True(barrier.SignalAndWait(Timeouts.Generous));
                    return TryStartAsync();
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap())];
            TestHost?[] hosts = await Task.WhenAll(starts).Soon();
            await using TestHost winner = Assert.Single(hosts, host => host is not null)!;
            await EchoAsync();
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<TestHost?> TryStartAsync()
    {
        try
        {
            return await StartAsync();
        }
        catch (IOException)
        {
            return null;
        }
    }

    // .NET removes the file of a socket that it has bound.
    private void MakeStale()
    {
        Socket socket = Bind(SocketType.Stream);
        string aside = Path.Combine(_folder, "aside");
        File.Move(SocketPath, aside);
        socket.Dispose();
        File.Move(aside, SocketPath);
    }

    private Task<TestHost> StartAsync() => TestHost.StartAsync(server => server.Listen("local", $"unix://{SocketPath}", Echo));

    private async Task AssertRefusedAsync(string reason, string? path = null)
    {
        path ??= SocketPath;
        IOException exception = await Assert.ThrowsAsync<IOException>(() => TestHost.StartAsync(server => server.Listen("late", $"unix://{path}", Echo)));
        Assert.Equal($"Endpoint 'late' cannot listen on unix://{path}: {reason}", exception.Message);
    }

    private async Task EchoAsync()
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath)).Soon();
        await client.SendAsync("x"u8.ToArray()).Soon();
        byte[] received = new byte[1];
        Assert.Equal(1, await client.ReceiveAsync(received).Soon());
    }

    private Socket Bind(SocketType type)
    {
        var socket = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private bool TryConnect(Socket socket)
    {
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private string[] List() => [.. Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Order()];

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));
}
