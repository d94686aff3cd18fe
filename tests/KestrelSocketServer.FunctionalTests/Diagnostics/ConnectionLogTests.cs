using KestrelSocketServer.FunctionalTests.Connections;
using KestrelSocketServer.FunctionalTests.Connections.CloseReasons;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

[Trait("Row", "D3")]
public sealed class ConnectionLogTests
{
    private static readonly HostSetup Debug = new() { Services = HostSetup.LogDebug };

    [Theory]
    [InlineData(false, "LocalEnd")]
    [InlineData(true, "PeerReset")]
    public async Task A_closed_connection_is_one_line_at_Debug(bool reset, string reason)
    {
        await using ConnectedPair pair = await ConnectedPair.StartAsync(TestTransport.Plain, setup: Debug);

        if (reset)
        {
            pair.Client.Reset();
        }
        else
        {
            pair.Connection.End();
        }

        await pair.Events.Closed;
        FakeLogRecord line = Assert.Single(pair.Server.Host.Logs.GetSnapshot(), record => record.Id.Name == "ConnectionClosed");
        Assert.Equal(LogLevel.Debug, line.Level);
        Assert.Equal(pair.Connection.Id, line.GetStructuredStateValue("ConnectionId"));
        Assert.Equal("test", line.GetStructuredStateValue("EndpointName"));
        Assert.Equal(reason, line.GetStructuredStateValue("CloseReason"));
        Assert.Null(line.Exception);
    }

    [Fact]
    public async Task On_the_own_Kestrel_of_the_application_it_is_logged_too()
    {
        await using TestHost host = await HandlerPlace.OwnKestrel.StartAsync(
            connection =>
            {
                connection.Close();
                return Task.CompletedTask;
            },
            services: HostSetup.LogDebug);
        using RawClient client = await HandlerPlace.OwnKestrel.ConnectAsync(host);

        Assert.Empty(await client.ReceiveToEndAsync());

        await host.StopAsync();
        FakeLogRecord line = Assert.Single(host.Logs.GetSnapshot(), record => record.Id.Name == "ConnectionClosed");
        Assert.Equal("LocalClose", line.GetStructuredStateValue("CloseReason"));
    }
}
