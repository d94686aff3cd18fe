using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Connections;

public abstract class AddressTests(TestTransport transport)
{
    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1")]
    [InlineData("[::1]:0", "::1")]
    [InlineData("0.0.0.0:0", "127.0.0.1")]
    [InlineData("0.0.0.0:0", "127.0.0.2")]
    [InlineData("[::]:0", "::1")]
    [InlineData("[::]:0", "127.0.0.1")]
    [Trait("Row", "C21")]
    [Trait("Row", "C22")]
    [Trait("Row", "A16")]
    public async Task The_addresses_are_those_that_the_client_sees(string listenOn, string reach)
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ => { }, transport, address: listenOn);
        int port = ((IPEndPoint)server.Server.EndPoint!).Port;
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Parse(reach), port), transport);

        ISocketConnection connection = await server.AcceptedAsync();

        Assert.Equal(client.LocalAddress, connection.RemoteAddress);
        Assert.Equal(client.RemoteAddress, connection.LocalAddress);
        Assert.Equal(((IPEndPoint)client.Socket.LocalEndPoint!).Port, Assert.IsType<IPEndPoint>(connection.RemoteEndPoint).Port);
        Assert.Equal(port, Assert.IsType<IPEndPoint>(connection.LocalEndPoint).Port);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C21")]
    [Trait("Row", "C27")]
    public async Task The_addresses_are_still_there_when_the_peer_has_left(bool reset)
    {
        List<string?> seen = [];
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
        {
            connection.Ended += () => seen.Add(connection.RemoteAddress);
            connection.Ended += () => seen.Add(connection.LocalAddress);
            connection.Closed += () => seen.Add(connection.RemoteAddress);
            connection.Closed += () => seen.Add(connection.LocalAddress);
        });

        if (reset)
        {
            pair.Client.Reset();
        }
        else
        {
            await pair.Client.ShutdownSendAsync();
        }

        await pair.Events.Closed;
        await pair.Server.DisposeAsync();
        string[] addresses = [pair.Client.LocalAddress, pair.Client.RemoteAddress];
        Assert.Equal(reset ? addresses : [.. addresses, .. addresses], seen);
        Assert.Equal(pair.Client.LocalAddress, pair.Connection.RemoteAddress);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C21")]
    [Trait("Row", "C22")]
    public async Task The_addresses_are_gone_after_a_local_close(bool end)
    {
        bool gone = false;
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            connection.Closed += () => gone = connection.RemoteAddress is null && connection.LocalAddress is null);
        EndPoint? remote = pair.Connection.RemoteEndPoint;

        if (end)
        {
            pair.Connection.End();
        }
        else
        {
            pair.Connection.Close();
        }

        await pair.Events.Closed;
        await pair.Server.DisposeAsync();
        Assert.True(gone);
        Assert.Null(pair.Connection.RemoteAddress);
        Assert.Null(pair.Connection.LocalAddress);
        Assert.Equal(remote, pair.Connection.RemoteEndPoint);
    }

    [Fact]
    [Trait("Row", "C21")]
    public async Task A_local_end_takes_the_addresses_also_when_the_peer_ends_before_all_is_flushed()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(
            transport, (connection, _) => connection.End(new byte[20_000_000]), receiveBuffer: 16_384);
        await pair.Client.ShutdownSendAsync();

        Assert.Equal(20_000_000, (await pair.Client.ReceiveToEndAsync()).Length);

        await pair.Events.Closed;
        Assert.Null(pair.Connection.RemoteAddress);
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Fact]
    [Trait("Row", "C22")]
    public async Task A_connection_knows_its_server_and_has_a_place_for_state()
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport);

        pair.Connection.Items["state"] = 1;

        Assert.Same(pair.Server.Server, pair.Connection.Server);
        Assert.Equal(1, pair.Connection.Items["state"]);
        Assert.NotEmpty(pair.Connection.Id);
        Assert.Equal(AddressFamily.InterNetwork, pair.Connection.LocalEndPoint!.AddressFamily);
    }
}

public sealed class PlainAddressTests() : AddressTests(TestTransport.Plain);

public sealed class TlsAddressTests() : AddressTests(TestTransport.Tls);
