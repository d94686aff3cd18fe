using System.Net;
using System.Net.Sockets;
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
        await using (SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), address: Address(handed)))
        {
            Assert.Equal(endPoint.ToString(), server.Server.Address);
            using RawClient client = await server.ConnectAsync();
            await EchoAsync(client.Socket);
        }

        // It stays open for whom it belongs to, and listens; .NET wants to be told.
        using RawClient next = await RawClient.ConnectAsync(endPoint);
        handed.Listen();
        using Socket accepted = await handed.AcceptAsync().Soon();
        Assert.Equal(next.Socket.LocalEndPoint, accepted.RemoteEndPoint);
    }

    [Fact]
    [Trait("Row", "A7")]
    [Trait("Row", "L7")]
    [Trait("Row", "H3")]
    public async Task A_socket_by_its_descriptor_is_closed_and_opened_again()
    {
        using var handed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        handed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        EndPoint endPoint = handed.LocalEndPoint!;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), address: Address(handed));
        using RawClient before = await server.ConnectAsync();
        await EchoAsync(before.Socket);
        foreach (bool waits in new[] { false, true, false })
        {
            await server.Server.CloseAsync().Soon();
            Assert.Null(server.Server.Address);

            // The socket listens on, as it is its owner's: who comes now is served when the endpoint is open again.
            RawClient? client = waits ? await RawClient.ConnectAsync(endPoint) : null;
            await server.Host.Servers.ListenAsync(SocketServerFixture.Name, Address(handed), listen => listen.UseSocketHandler(connection => connection.Pipe(connection)));
            Assert.Equal(endPoint, server.Server.EndPoint);
            client ??= await server.ConnectAsync();
            await EchoAsync(client.Socket);
            client.Dispose();
        }

        await EchoAsync(before.Socket);
        Assert.Empty(server.Errors);
    }

    private static string Address(Socket handed) => $"fd://{handed.SafeHandle.DangerousGetHandle()}";

    private static async Task EchoAsync(Socket socket)
    {
        byte[] received = new byte[1];
        await socket.SendAsync("x"u8.ToArray()).Soon();
        Assert.Equal(1, await socket.ReceiveAsync(received).Soon());
        Assert.Equal("x"u8.ToArray(), received);
    }
}
