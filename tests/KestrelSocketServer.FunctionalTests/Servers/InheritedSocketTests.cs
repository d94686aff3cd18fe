using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed partial class InheritedSocketTests
{
    private const int SetFlags = 2;
    private const int ClosedOnExec = 0x80000;

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    [Trait("Row", "A19")]
    public async Task Neither_the_socket_nor_its_copy_is_handed_on_to_other_processes(SocketTransportDriver driver)
    {
        using Socket handed = Listen();
        int descriptor = (int)handed.SafeHandle.DangerousGetHandle();

        // As a manager of services passes it on.
        Assert.Equal(0, ControlDescriptor(descriptor, SetFlags, 0));
        string name = new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget!;
        await using TestHost host = await StartAsync(descriptor, driver);
        int[] descriptors = [.. DescriptorsOf(name)];
        Assert.Equal(2, descriptors.Length);
        Assert.All(descriptors, number => Assert.True(IsClosedOnExec(number), $"{number} is open in other processes."));
        await EchoAsync(handed.LocalEndPoint!);
    }

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    [Trait("Row", "A19")]
    [Trait("Row", "L7")]
    public async Task Closing_in_the_midst_of_accepting_leaves_the_socket_to_its_owner(SocketTransportDriver driver)
    {
        using Socket handed = Listen();
        int descriptor = (int)handed.SafeHandle.DangerousGetHandle();
        await using TestHost host = await StartAsync(descriptor, driver);
        using var stop = new CancellationTokenSource();
        Task clients = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => ConnectUntilAsync(handed.LocalEndPoint!, stop.Token))));
        for (int i = 0; i < 50; i++)
        {
            await host.Server("handed").CloseAsync().Soon();
            await host.Servers.ListenAsync("handed", $"fd://{descriptor}", Echo).Soon();
        }

        await stop.CancelAsync();

        // None was refused, as it listened all the time.
        await clients.Soon();
        await EchoAsync(handed.LocalEndPoint!);
        Assert.False(((LingerOption)handed.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Linger)!).Enabled);
    }

    [Theory]
    [InlineData("unbound", "it is not bound to an address: whoever passes it on has to bind it first.")]
    [InlineData("unbound unix", "it is not bound to an address: whoever passes it on has to bind it first.")]
    [InlineData("datagrams", "it is a socket for datagrams, not for streams.")]
    [InlineData("packets", "it is a socket for sequenced packets, not for streams.")]
    [InlineData("connected", "it is a connection, not a socket to listen with.")]
    [InlineData("reset", "it is in no state to listen, as a connection is that has ended.")]
    [InlineData("file", "the descriptor is no socket.")]
    [InlineData("closed", "there is no such descriptor: it is closed, or was never passed on.")]
    [Trait("Row", "A19")]
    [Trait("Row", "A13")]
    public async Task What_cannot_be_listened_with_is_refused(string kind, string reason)
    {
        using Socket listener = Listen();
        using IDisposable handed = Make(kind, listener, out int descriptor);
        IOException exception = await Assert.ThrowsAsync<IOException>(
            () => TestHost.StartAsync(server => server.Listen("handed", $"fd://{descriptor}", Echo)));
        Assert.Equal($"Endpoint 'handed' cannot listen on fd://{descriptor}: {reason}", exception.Message);
    }

    private static IDisposable Make(string kind, Socket listener, out int descriptor)
    {
        if (kind == "file")
        {
            FileStream file = File.OpenRead("/dev/null");
            descriptor = (int)file.SafeFileHandle.DangerousGetHandle();
            return file;
        }

        if (kind == "closed")
        {
            // Far above those that are in use.
            descriptor = 1_000_000;
            return new MemoryStream();
        }

        Socket socket = kind switch
        {
            "unbound" => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp),
            "unbound unix" => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            "datagrams" => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp),
            "packets" => new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified),
            _ => Connect(listener),
        };
        if (kind == "reset")
        {
            // It resets those that it has not accepted.
            listener.Dispose();
            Assert.True(socket.Poll(Timeouts.Generous, SelectMode.SelectRead));
        }

        descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        return socket;
    }

    private static Socket Connect(Socket listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(listener.LocalEndPoint!);
        return socket;
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private static Task<TestHost> StartAsync(int descriptor, SocketTransportDriver driver) => TestHost.StartAsync(server =>
    {
        server.Transport.Driver = driver;
        server.Listen("handed", $"fd://{descriptor}", Echo);
    });

    private static IEnumerable<int> DescriptorsOf(string name) => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Where(entry => new FileInfo(entry).LinkTarget == name)
        .Select(entry => int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture));

    private static bool IsClosedOnExec(int descriptor)
    {
        string flags = File.ReadLines($"/proc/self/fdinfo/{descriptor}").Single(line => line.StartsWith("flags:", StringComparison.Ordinal)).Split('\t')[1];
        return (Convert.ToInt32(flags, 8) & ClosedOnExec) != 0;
    }

    private static async Task ConnectUntilAsync(EndPoint endPoint, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(endPoint, CancellationToken.None);
        }
    }

    private static async Task EchoAsync(EndPoint endPoint)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int ControlDescriptor(int descriptor, int command, int argument);
}
