using KestrelSocketServer.FunctionalTests.Configuration;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Messages;

[Trait("Row", "M4")]
public sealed class MessageHandlerTests
{
    private const string Lines = "one\ntwo\r\n\nthr";

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    [Trait("Row", "M2")]
    public Task By_event(string place)
        => AssertEchoesAsync(place, listen => listen.UseSocketHandler(Framing.Lines(maxLength: 100), (connection, line) => connection.Write(line)));

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    public Task By_an_asynchronous_function(string place)
        => AssertEchoesAsync(place, listen => listen.UseSocketHandler(Framing.Lines(maxLength: 100).AsText(), async (connection, line) =>
        {
            await Task.Yield();
            await connection.WriteAsync(line);
        }));

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    public Task By_an_asynchronous_function_that_is_told_of_the_end(string place)
        => AssertEchoesAsync(place, listen => listen.UseSocketHandler(Framing.Lines(maxLength: 100), async (connection, line, connectionClosed) =>
        {
            // The bytes of the line are still valid.
            await Task.Yield();
            await connection.WriteAsync(line, connectionClosed);
        }));

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    public async Task By_a_class(string place)
    {
        var handler = new ScriptedHandler((connection, line) => connection.Write(line));
        await using MessagePlace server = await handler.StartAsync(place);

        await AssertEchoesAsync(server.Client);

        await handler.Closed;
        EventRecorder events = await handler.Events;
        Assert.Equal(["end", "close"], events.Events);
        Assert.Equal(SocketCloseReason.PeerEnded, events.ReasonInClosed);
    }

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    public Task In_a_flow_of_ones_own(string place)
        => AssertEchoesAsync(place, listen => listen.UseSocketHandler(async connection =>
        {
            await foreach (string line in connection.ReadLinesAsync(maxLength: 100))
            {
                connection.Write(line + "\n");
            }
        }));

    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    public async Task Whoever_leaves_the_loop_goes_on_with_another_protocol(string place)
    {
        await using MessagePlace server = await MessagePlace.StartAsync(place, listen => listen.UseSocketHandler(async connection =>
        {
            await foreach (string line in connection.ReadLinesAsync(maxLength: 100))
            {
                connection.Write($"{line}:");
                break;
            }

            IMessageProtocol<string> binary = Framing.LengthPrefixed(bytes: 1, maxLength: 100).AsText();
            await foreach (string message in connection.ReadMessagesAsync(binary))
            {
                connection.Write(binary, message);
            }
        }));

        await server.Client.SendAsync("hello\n\u0003one\u0003tw");
        Assert.Equal("hello:\u0003one", await server.Client.ReceiveTextAsync(10));
        await server.Client.SendAsync("o");
        Assert.Equal("\u0003two", await server.Client.ReceiveTextAsync(4));
    }

    [Fact]
    [Trait("Row", "M1")]
    public async Task An_endpoint_that_is_built_takes_each_of_them_too()
    {
        IMessageProtocol<string> lines = Framing.Lines(maxLength: 100).AsText();
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            new { SocketServer = new { Endpoints = new { Event = new { Url = "0" }, Async = new { Url = "0" }, Token = new { Url = "0" } } } },
            builder => builder.Services.AddSocketServer(server =>
            {
                server.Endpoint("Event").UseSocketHandler(lines, (connection, line) => connection.Write(line));
                server.Endpoint("Async").UseSocketHandler(lines, async (connection, line) => await connection.WriteAsync(line));
                server.Endpoint("Token").UseSocketHandler(lines, async (connection, line, token) => await connection.WriteAsync(line, token));
            }));

        foreach (ISocketServer server in app.Servers)
        {
            using RawClient client = await RawClient.ConnectAsync(server);
            await AssertEchoesAsync(client);
        }
    }

    [Fact]
    public async Task It_is_read_in_no_other_style()
    {
        var handler = new ScriptedHandler((connection, _) =>
        {
            var error = Assert.Throws<InvalidOperationException>(() => connection.Data += _ => { });
            Assert.Contains("message handler", error.Message, StringComparison.Ordinal);
            Assert.Throws<InvalidOperationException>(() => connection.ReadAllAsync());
            Assert.Throws<InvalidOperationException>(connection.AsStream);
            Assert.Throws<InvalidOperationException>(connection.AsPipe);
            Assert.Throws<InvalidOperationException>(() => connection.ReadLinesAsync(1));
            connection.Write("refused");
        });
        await using MessagePlace server = await handler.StartAsync("plain");

        await server.Client.SendAsync("x\n");

        Assert.Equal("refused\n", await server.Client.ReceiveTextAsync(8));
    }

    [Fact]
    [Trait("Row", "M5")]
    public async Task Messages_from_many_threads_are_whole()
    {
        const int Threads = 8, Each = 500;
        IMessageProtocol<string> protocol = Framing.LengthPrefixed(bytes: 2, maxLength: 5000).AsText();
        await using MessagePlace server = await MessagePlace.StartAsync("plain", listen => listen.UseSocketHandler(
            protocol, (connection, _) => Parallel.For(0, Threads, thread =>
            {
                for (int index = 0; index < Each; index++)
                {
                    connection.Write(new string((char)('a' + thread), 1 + (index * 7 % 3000)));
                }
            })));
        int[] next = new int[Threads];

        await server.Client.SendAsync("\0\u0001x");
        for (int count = 0; count < Threads * Each; count++)
        {
            byte[] length = await server.Client.ReceiveExactlyAsync(2);
            string message = await server.Client.ReceiveTextAsync((length[0] << 8) | length[1]);
            int thread = message[0] - 'a';
            Assert.Equal(new string((char)('a' + thread), 1 + (next[thread]++ * 7 % 3000)), message);
        }
    }

    [Fact]
    [Trait("Row", "M5")]
    public async Task A_message_that_cannot_be_written_leaves_the_connection_as_it_was()
    {
        var handler = new ScriptedHandler((connection, line) =>
        {
            Assert.Throws<ArgumentException>(() => connection.Write("two\nlines"));
            Assert.Throws<ArgumentException>(() => connection.Write(new string('x', 101)));
            connection.Write(line);
        });
        await using MessagePlace server = await handler.StartAsync("plain");

        await AssertEchoesAsync(server.Client);
    }

    [Fact]
    [Trait("Row", "M5")]
    public async Task All_connections_of_a_server_can_be_written_messages()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(listen => listen.UseSocketHandler(
            Framing.Lines(maxLength: 100).AsText(),
            (connection, line) =>
            {
                foreach (ISocketConnection<string> other in connection.Server!.Connections.OfType<ISocketConnection<string>>())
                {
                    other.Write(line);
                }
            }));
        using RawClient one = await server.ConnectAsync();
        using RawClient other = await server.ConnectAsync();
        await one.SendAsync("warm\n");
        Assert.Equal("warm\n", await one.ReceiveTextAsync(5));
        await other.SendAsync("hello\n");

        Assert.Equal("hello\n", await one.ReceiveTextAsync(6));
    }

    private static async Task AssertEchoesAsync(string place, Action<Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions> handle)
    {
        await using MessagePlace server = await MessagePlace.StartAsync(place, handle);
        await AssertEchoesAsync(server.Client);
    }

    private static async Task AssertEchoesAsync(RawClient client)
    {
        await client.SendAsync(Lines);
        Assert.Equal("one\ntwo\n\n", await client.ReceiveTextAsync(9));
        await client.SendAsync("ee\n");
        Assert.Equal("three\n", await client.ReceiveTextAsync(6));
        await client.ShutdownSendAsync();

        Assert.Equal("", await client.ReceiveTextToEndAsync());
    }
}
