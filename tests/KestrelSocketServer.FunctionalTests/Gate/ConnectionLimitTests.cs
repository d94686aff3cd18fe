using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Gate;

public sealed class ConnectionLimitTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kss").FullName;

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G1")]
    public async Task What_comes_beyond_the_limit_is_refused_at_once_and_there_is_room_again_when_one_leaves(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(driver, limits => limits.MaxConcurrentConnections = 2);
        EndPoint endPoint = server.Server.EndPoint!;
        using RawClient first = await GateServer.ServeAsync(endPoint);
        using RawClient second = await GateServer.ServeAsync(endPoint);

        await GateServer.AssertRefusedAsync(endPoint);
        await GateServer.AssertRefusedAsync(endPoint, "127.0.0.2");
        await GateServer.AssertServedAsync(first);
        Assert.Equal(2, server.Server.Connections.Count);

        second.Dispose();
        using RawClient third = await GateServer.ServeSoonAsync(endPoint);
        await GateServer.AssertRefusedAsync(endPoint);
        await GateServer.AssertServedAsync(first);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G1")]
    public async Task Refused_clients_can_be_told_why(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(driver, limits =>
        {
            limits.MaxConcurrentConnections = 1;
            limits.RefusalMessage = "Full – come back later.\n";
        });
        using RawClient first = await GateServer.ServeAsync(server.Server.EndPoint!);

        using RawClient refused = await server.ConnectAsync();
        Assert.Equal("Full – come back later.\n", await refused.ReceiveTextToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G1")]
    public async Task A_refusal_comes_before_tls_which_is_not_spoken_to_in_clear(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.MaxConcurrentConnections = 1;
                limits.RefusalMessage = "full";
            },
            transport: TestTransport.Tls);
        using RawClient first = await server.ConnectAsync();
        await GateServer.AssertServedAsync(first);

        await GateServer.AssertRefusedAsync(server.Server.EndPoint!);
        Assert.DoesNotContain(server.Errors, error => error.Stage == SocketServerErrorStage.Handshake);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G1")]
    public async Task A_connection_gives_its_place_back_once_however_it_ends(SocketTransportDriver driver)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection => connection.Data += data =>
            {
                connection.Write(data);
                if (data[0] == 'c')
                {
                    connection.Close();
                }
                else if (data[0] == 't')
                {
                    throw new InvalidOperationException("Thrown by the test.");
                }
            },
            options: limits => limits.MaxConcurrentConnections = 4,
            setup: HostSetup.On(driver));
        EndPoint endPoint = server.Server.EndPoint!;
        for (int round = 0; round < 5; round++)
        {
            RawClient[] clients = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => GateServer.ServeSoonAsync(endPoint)))];
            await GateServer.AssertRefusedAsync(endPoint);
            clients[0].Reset();
            await clients[1].SendAsync("c");
            await clients[2].SendAsync("t");
            clients[3].Dispose();
            Array.ForEach(clients, client => client.Dispose());
        }
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "G1")]
    public async Task A_unix_socket_has_the_limit_too_and_its_clients_no_address(SocketTransportDriver driver)
    {
        string path = Path.Combine(_folder, "gate.sock");
        await using SocketServerFixture server = await GateServer.StartAsync(
            driver,
            limits =>
            {
                limits.MaxConcurrentConnections = 2;
                limits.MaxConnectionsPerAddress = 1;
                limits.ConnectionsPerSecondPerAddress = 0.001;
            },
            listen => listen.UseAccess(allow: ["192.0.2.1"]),
            address: $"unix://{path}");
        using Socket first = await ConnectAsync(path);
        using Socket second = await ConnectAsync(path);
        Assert.Equal(1, await AskAsync(first));
        Assert.Equal(1, await AskAsync(second));

        using Socket third = await ConnectAsync(path);
        Assert.Equal(0, await AskAsync(third));
    }

    private static async Task<Socket> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();
        return socket;
    }

    // How many bytes come back of one.
    private static async Task<int> AskAsync(Socket socket)
    {
        try
        {
            await socket.SendAsync("x"u8.ToArray()).Soon();
            return await socket.ReceiveAsync(new byte[1]).Soon();
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}
