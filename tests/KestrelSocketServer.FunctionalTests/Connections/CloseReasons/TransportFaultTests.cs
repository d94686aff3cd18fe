using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

[Trait("Row", "D1")]
public sealed class TransportFaultTests
{
    public static TheoryData<string> Styles => ["events", "chunks", "stream"];

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task A_violation_of_TLS(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(HandlerPlace.TlsEndpoint, style);
        await pair.SendAsync();

        await pair.Client.Socket.SendAsync("This is no TLS record."u8.ToArray()).Soon();

        Assert.IsAssignableFrom<IOException>(await pair.Events.Error);
        await pair.AssertClosedAsync(SocketCloseReason.TransportFault);
        Assert.Equal(SocketCloseReason.TransportFault, pair.Events.ReasonInError);
    }

    [Fact]
    public async Task An_end_without_close_notify_where_it_is_required()
    {
        var recorded = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await TestHost.StartWebAsync(server => server.Listen("test", 0, listen => listen
            .UseHttps(new SocketTlsOptions { Certificate = TlsCertificate.From(TestCertificate.Instance), RequireCloseNotify = true })
            .UseSocketHandler(connection => recorded.SetResult(new EventRecorder(connection)))));
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), TestTransport.Tls);
        EventRecorder events = await recorded.Task.Soon();

        await client.ShutdownSendAsync();

        await events.Closed;
        Assert.Equal(SocketCloseReason.TransportFault, events.ReasonInClosed);
        Assert.Equal(SocketCloseReason.TransportFault, events.ReasonInError);
    }
}
