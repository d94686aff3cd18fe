using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Messages;

[Trait("Row", "M6")]
public sealed class MessageViolationTests
{
    private static readonly string TooLong = new('x', 200);

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "D1")]
    public async Task A_message_that_is_too_long_ends_the_connection_with_a_farewell(string place)
    {
        var handler = new ScriptedHandler((connection, line) => connection.Write(line), farewell: "that was too long");
        await using MessagePlace server = await handler.StartAsync(place);

        await server.Client.SendAsync("fine\n" + TooLong);

        Assert.Equal("fine\nthat was too long\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        EventRecorder events = await handler.Events;
        var violation = Assert.IsType<MessageProtocolException>(await events.Error);
        Assert.Equal(MessageRules.MaxLength, violation.Rule);
        Assert.Equal(105, violation.Position);
        Assert.Contains("more than 100 bytes", violation.Message, StringComparison.Ordinal);
        Assert.Equal(["error", "close"], events.Events);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInError);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M7")]
    public async Task The_peers_end_in_the_middle_of_a_message_is_told(string place)
    {
        var handler = new ScriptedHandler((connection, line) => connection.Write(line), farewell: "half a line");
        await using MessagePlace server = await handler.StartAsync(place);

        await server.Client.SendAsync("fine\nhal");
        await server.Client.ShutdownSendAsync();

        Assert.Equal("fine\nhalf a line\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        EventRecorder events = await handler.Events;
        var violation = Assert.IsType<MessageProtocolException>(await events.Error);
        Assert.Equal(MessageRules.Truncated, violation.Rule);
        Assert.Equal(8, violation.Position);
        Assert.Equal(["error", "close"], events.Events);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    public async Task A_handler_may_find_a_violation_itself_also_later(string place)
    {
        var handler = new ScriptedHandler(
            async (_, line, _) =>
            {
                await Task.Yield();
                throw new MessageProtocolException("Command", $"There is no command {line}.");
            },
            farewell: "what?");
        await using MessagePlace server = await handler.StartAsync(place);

        await server.Client.SendAsync("DANCE\nSING\n");

        Assert.Equal("what?\n", await server.Client.ReceiveTextToEndAsync());
        await handler.Closed;
        EventRecorder events = await handler.Events;
        Assert.Equal("Command", Assert.IsType<MessageProtocolException>(await events.Error).Rule);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    public async Task Whoever_pulls_messages_may_catch_it_and_say_goodbye(string place)
    {
        var recorded = new TaskCompletionSource<EventRecorder>();
        await using MessagePlace server = await MessagePlace.StartAsync(place, listen => listen.UseSocketHandler(async connection =>
        {
            recorded.SetResult(new EventRecorder(connection, data: false));
            try
            {
                await foreach (string line in connection.ReadLinesAsync(maxLength: 100))
                {
                    connection.Write($"{line}\n");
                }
            }
            catch (MessageProtocolException violation)
            {
                connection.Write($"goodbye: {violation.Rule}\n");
            }
        }));

        await server.Client.SendAsync("fine\n" + TooLong);

        Assert.Equal("fine\ngoodbye: MaxLength\n", await server.Client.ReceiveTextToEndAsync());
        EventRecorder events = await recorded.Task.Soon();
        await events.Closed;
        Assert.Equal(MessageRules.MaxLength, Assert.IsType<MessageProtocolException>(await events.Error).Rule);
        Assert.Equal(["error", "close"], events.Events);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M7")]
    public async Task Or_let_it_through_and_say_goodbye_in_the_error_event(string place)
    {
        var recorded = new TaskCompletionSource<EventRecorder>();
        await using MessagePlace server = await MessagePlace.StartAsync(place, listen => listen.UseSocketHandler(async connection =>
        {
            recorded.SetResult(new EventRecorder(connection, data: false));
            connection.Error += error => connection.Write($"goodbye: {((MessageProtocolException)error).Rule}\n");
            await foreach (string line in connection.ReadLinesAsync(maxLength: 100))
            {
                connection.Write($"{line}\n");
            }
        }));

        await server.Client.SendAsync("fine\nhal");
        await server.Client.ShutdownSendAsync();

        Assert.Equal("fine\ngoodbye: Truncated\n", await server.Client.ReceiveTextToEndAsync());
        EventRecorder events = await recorded.Task.Soon();
        await events.Closed;
        Assert.Equal(["error", "close"], events.Events);
        Assert.Equal(SocketCloseReason.ProtocolViolation, events.ReasonInClosed);
    }

    [Fact]
    [Trait("Row", "D3")]
    public async Task Others_do_not_notice_and_it_is_one_line_in_the_log()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseSocketHandler(Framing.Lines(maxLength: 100), (connection, line) => connection.Write(line)),
            setup: new HostSetup { Services = HostSetup.LogDebug });
        using RawClient good = await server.ConnectAsync();
        using RawClient bad = await server.ConnectAsync();
        await good.SendAsync("one\n");
        Assert.Equal("one\n", await good.ReceiveTextAsync(4));

        await bad.SendAsync(TooLong);

        Assert.Empty(await bad.ReceiveToEndAsync());
        await good.SendAsync("two\n");
        Assert.Equal("two\n", await good.ReceiveTextAsync(4));
        Assert.Empty(server.Errors);
        var line = Assert.Single(server.Host.Logs.GetSnapshot(), record => record.Id.Id == 130);
        Assert.Equal(LogLevel.Debug, line.Level);
        Assert.Contains("(rule MaxLength, byte 100)", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "C25")]
    public async Task Any_other_exception_of_a_handler_is_its_own_fault()
    {
        var handler = new ScriptedHandler(async (_, _, _) =>
        {
            await Task.Yield();
            throw new InvalidDataException("on purpose");
        });
        await using MessagePlace server = await handler.StartAsync("plain");

        await server.Client.SendAsync("x\n");

        EventRecorder events = await handler.Events;
        Assert.Equal("on purpose", (await events.Error).Message);
        await handler.Closed;
        Assert.Equal(SocketCloseReason.HandlerFault, events.ReasonInClosed);
    }

    [Fact]
    [Trait("Row", "C25")]
    public async Task A_protocol_that_consumes_nothing_is_told_rather_than_to_spin()
    {
        var recorded = new TaskCompletionSource<SocketServerError>();
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen => listen.UseSocketHandler(new IdleProtocol(), (_, _) => { }));
        server.Server.Error += error => recorded.TrySetResult(error);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("x");

        Assert.Contains("consumed nothing", (await recorded.Task.Soon()).Exception.Message, StringComparison.Ordinal);
    }

    private sealed class IdleProtocol : IMessageProtocol<int>
    {
        public bool TryRead(
            in System.Buffers.ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined, out int message)
        {
            message = 1;
            return true;
        }

        public void Write(int message, System.Buffers.IBufferWriter<byte> output)
        {
        }
    }
}
