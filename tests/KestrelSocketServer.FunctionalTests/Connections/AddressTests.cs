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
    [InlineData("close")]
    [InlineData("end")]
    [InlineData("reset")]
    [Trait("Row", "C21")]
    [Trait("Row", "C22")]
    public async Task The_addresses_stay_after_a_local_close(string how)
    {
        List<string?> seen = [];
        await using ConnectedPair pair = await ConnectedPair.StartAsync(transport, (connection, _) =>
            connection.Closed += () => seen.AddRange([connection.RemoteAddress, connection.LocalAddress]));

        switch (how)
        {
            case "close":
                pair.Connection.Close();
                break;
            case "end":
                pair.Connection.End();
                break;
            default:
                pair.Connection.Reset();
                break;
        }

        await pair.Events.Closed;
        await pair.Server.DisposeAsync();
        Assert.Equal([pair.Client.LocalAddress, pair.Client.RemoteAddress], seen);
        Assert.Equal(pair.Client.LocalAddress, pair.Connection.RemoteAddress);
        Assert.Equal(pair.Client.RemoteAddress, pair.Connection.LocalAddress);
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
