namespace KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

[Trait("Row", "D1")]
public abstract class CloseReasonTests(HandlerPlace place)
{
    public static TheoryData<string> Styles => ReadingStyle.All;

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_peer_has_ended(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style);
        await pair.SendAsync();
        Assert.Null(pair.Connection.CloseReason);

        await pair.Client.ShutdownSendAsync();

        await pair.AssertClosedAsync(SocketCloseReason.PeerEnded);
        Assert.DoesNotContain("error", pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_peer_has_reset(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style);
        await pair.SendAsync();

        pair.Client.Reset();

        await pair.AssertClosedAsync(SocketCloseReason.PeerReset);
        Assert.DoesNotContain("error", pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_handler_has_ended(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style, onData: () => false);

        await pair.SendAsync();

        await pair.AssertClosedAsync(SocketCloseReason.LocalEnd);
        Assert.Empty(await pair.Client.ReceiveToEndAsync());
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_application_has_closed(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style);
        await pair.SendAsync();

        pair.Connection.Close();

        await pair.AssertClosedAsync(SocketCloseReason.LocalClose);
        Assert.DoesNotContain("error", pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_server_has_stopped(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style);
        await pair.SendAsync();

        await pair.Host.StopAsync();

        await pair.AssertClosedAsync(SocketCloseReason.Shutdown);
        Assert.DoesNotContain("error", pair.Events.Events);
        Assert.DoesNotContain(pair.Host.Logs.GetSnapshot(), record => record.Id.Name == "HandlerFault");
    }

    [Fact]
    public async Task The_server_has_stopped_while_data_was_unsent()
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(
            place, onConnection: connection => connection.Write(new byte[50_000_000]), receiveBuffer: 16_384);
        await pair.SendAsync();

        await pair.Host.StopAsync();

        await pair.AssertClosedAsync(SocketCloseReason.Shutdown);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task The_handler_has_thrown(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style, onData: () => throw new InvalidTimeZoneException());

        await pair.SendAsync();

        Assert.IsType<InvalidTimeZoneException>(await pair.Events.Error);
        await pair.AssertClosedAsync(SocketCloseReason.HandlerFault);
        Assert.Equal(SocketCloseReason.HandlerFault, pair.Events.ReasonInError);
    }

    [Theory]
    [InlineData("events")]
    [InlineData("chunks")]
    [InlineData("stream")]
    public async Task A_limit_was_reached(string style)
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, style, options: options => options.WriteBufferHardLimit = 100_000);
        await pair.SendAsync();

        pair.Connection.Write(new byte[100_001]);

        Assert.IsType<IOException>(await pair.Events.Error);
        await pair.AssertClosedAsync(SocketCloseReason.WriteLimit);
        Assert.Equal(SocketCloseReason.WriteLimit, pair.Events.ReasonInError);
    }

    [Fact]
    public async Task The_first_failure_prevails_over_an_orderly_end()
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(
            place, onConnection: connection => connection.Write(new byte[50_000_000]), receiveBuffer: 16_384);
        await pair.SendAsync();

        pair.Connection.End();
        pair.Connection.Close();

        await pair.AssertClosedAsync(SocketCloseReason.LocalClose);
    }

    [Fact]
    public async Task Of_two_orderly_ends_the_first_one_counts()
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, options: options => options.AllowHalfOpen = true);
        await pair.SendAsync();
        await pair.Client.ShutdownSendAsync();
        await pair.Events.Ended;
        Assert.Null(pair.Connection.CloseReason);

        pair.Connection.End();

        await pair.AssertClosedAsync(SocketCloseReason.PeerEnded);
    }

    [Fact]
    public async Task A_reset_is_told_where_a_write_finds_it()
    {
        await using ReasonPair pair = await ReasonPair.StartAsync(place, onConnection: connection => connection.Pause(), receiveBuffer: 16_384);
        pair.Connection.Write(new byte[50_000_000]);
        await pair.Client.ReceiveExactlyAsync(1);

        pair.Client.Reset();

        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.PeerReset, pair.Connection.CloseReason);
    }

    [Fact]
    public async Task Whoever_took_the_pipe_may_complete_it_first()
    {
        var closed = new TaskCompletionSource<SocketCloseReason?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestHost host = await place.StartAsync(async connection =>
        {
            connection.Closed += () => closed.SetResult(connection.CloseReason);
            System.IO.Pipelines.IDuplexPipe pipe = connection.AsPipe();
            while (!(await pipe.Input.ReadAsync()).IsCompleted)
            {
                pipe.Input.AdvanceTo(default);
            }

            // In the middle of a read, and completed as handlers of Kestrel's do.
            await pipe.Input.CompleteAsync();
            await pipe.Output.CompleteAsync();
        });
        using RawClient client = await place.ConnectAsync(host);

        await client.ShutdownSendAsync();

        SocketCloseReason? reason = await closed.Task.Soon();
        if (!place.IsOwnKestrel)
        {
            // Kestrel's own transport tells of the end later than those who read find out.
            Assert.Equal(SocketCloseReason.PeerEnded, reason);
        }

        Assert.DoesNotContain(host.Logs.GetSnapshot(), record => record.Id.Name == "HandlerFault");
    }
}

public sealed class EndpointCloseReasonTests() : CloseReasonTests(HandlerPlace.Endpoint);

public sealed class TlsEndpointCloseReasonTests() : CloseReasonTests(HandlerPlace.TlsEndpoint);

public sealed class KestrelTlsEndpointCloseReasonTests() : CloseReasonTests(HandlerPlace.KestrelTlsEndpoint);

public sealed class OwnKestrelCloseReasonTests() : CloseReasonTests(HandlerPlace.OwnKestrel);

public sealed class OwnTlsKestrelCloseReasonTests() : CloseReasonTests(HandlerPlace.OwnTlsKestrel);
