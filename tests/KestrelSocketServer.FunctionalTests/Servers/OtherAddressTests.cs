using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class OtherAddressTests
{
    [Fact]
    [Trait("Row", "A7")]
    [Trait("Row", "L7")]
    public async Task A_unix_socket_serves_and_leaves_no_file()
    {
        string path = Path.Combine(Path.GetTempPath(), $"kss-{Guid.NewGuid():N}.sock");
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), address: $"unix://{path}");
        Assert.Equal(path, server.Server.Address);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();
        await EchoAsync(socket);
        await server.Server.CloseAsync();
        Assert.False(File.Exists(path));
        await EchoAsync(socket);
        await server.Host.Servers.ListenAsync("again", $"unix://{path}", listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
        using var second = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await second.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();
        await EchoAsync(second);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "A7")]
    public async Task A_socket_by_its_descriptor(bool listening)
    {
        using var handed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        handed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (listening)
        {
            handed.Listen();
        }

        EndPoint endPoint = handed.LocalEndPoint!;

        // A copy, as the server owns what it is given.
        int descriptor = Duplicate((int)handed.SafeHandle.DangerousGetHandle());
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), address: $"fd://{descriptor}");
        Assert.Equal(endPoint.ToString(), server.Server.Address);
        using RawClient client = await server.ConnectAsync();
        await EchoAsync(client.Socket);
    }

    [DllImport("libc", EntryPoint = "dup")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Duplicate(int descriptor);

    private static async Task EchoAsync(Socket socket)
    {
        byte[] received = new byte[1];
        await socket.SendAsync("x"u8.ToArray()).Soon();
        Assert.Equal(1, await socket.ReceiveAsync(received).Soon());
        Assert.Equal("x"u8.ToArray(), received);
    }
}
