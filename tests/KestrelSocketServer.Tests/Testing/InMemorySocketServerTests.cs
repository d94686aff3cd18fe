using System.Text;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Testing;

public class InMemorySocketServerTests
{
    [Fact]
    [Trait("Row", "H9")]
    public async Task Clients_of_one_server_reach_each_other()
    {
        await using var server = InMemorySocketServer.Start<ChatHandler>();
        InMemorySocketClient anna = server.Connect();
        InMemorySocketClient ben = server.Connect();
        await Task.WhenAll(anna.Connection, ben.Connection).Soon();

        await anna.SendAsync("hello\n");

        Assert.Equal("hello", await anna.ReceiveLineAsync().Soon());
        Assert.Equal("hello", await ben.ReceiveLineAsync().Soon());
        Assert.Same(server.Server, (await anna.Connection).Server);
        Assert.Equal(2, server.Server.Connections.Count);
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task A_handler_gets_what_its_constructor_asks_for()
    {
        await using ServiceProvider services = new ServiceCollection().AddSingleton("good day\n").BuildServiceProvider();
        await using var server = InMemorySocketServer.Start<GreetingHandler>(services);

        Assert.Equal("good day", await server.Connect().ReceiveLineAsync().Soon());
        Assert.Equal("good day", await server.Connect().ReceiveLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public void A_handler_whose_services_are_missing_cannot_be_started()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => InMemorySocketServer.Start<GreetingHandler>());

        Assert.Contains(nameof(GreetingHandler), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "C25")]
    public async Task The_exception_of_a_handler_is_thrown_where_its_client_waits_and_nowhere_else()
    {
        await using var server = InMemorySocketServer.Start(connection =>
        {
            connection.Write("ready\n");
            connection.Data += _ => throw new FormatException("mine");
        });
        InMemorySocketClient faulty = server.Connect();
        InMemorySocketClient other = server.Connect();
        Assert.Equal("ready", await faulty.ReceiveLineAsync().Soon());

        await faulty.SendAsync("x");

        Assert.Equal("mine", (await Assert.ThrowsAsync<FormatException>(() => faulty.ReceiveLineAsync().Soon())).Message);
        Assert.Equal("mine", (await Assert.ThrowsAsync<FormatException>(() => faulty.Completion.Soon())).Message);
        Assert.Equal(SocketCloseReason.HandlerFault, await faulty.Closed.Soon());
        Assert.Equal("ready", await other.ReceiveLineAsync().Soon());
        Assert.True((await other.Connection).IsWritable);
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "H6")]
    public async Task The_exception_of_a_handler_that_reads_in_its_own_flow_is_thrown_too()
    {
        await using var server = InMemorySocketServer.Start(async connection =>
        {
            await foreach (ReadOnlyMemory<byte> _ in connection.ReadAllAsync())
            {
                throw new FormatException("mine");
            }
        });
        InMemorySocketClient client = server.Connect();

        await client.SendAsync("x");

        Assert.Equal("mine", (await Assert.ThrowsAsync<FormatException>(() => client.ReceiveToEndAsync().Soon())).Message);
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "D1")]
    public async Task The_reason_of_the_close_is_known_after_the_handler_has_heard_of_it()
    {
        SocketCloseReason? heard = null;
        await using var server = InMemorySocketServer.Start(connection => connection.Closed += () => heard = connection.CloseReason);
        InMemorySocketClient client = server.Connect();
        await client.Connection.Soon();

        client.Reset();

        Assert.Equal(SocketCloseReason.PeerReset, await client.Closed.Soon());
        Assert.Equal(SocketCloseReason.PeerReset, heard);
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task Time_is_that_of_the_services()
    {
        var time = new FakeTimeProvider();
        await using ServiceProvider services = new ServiceCollection().AddSingleton<TimeProvider>(time).BuildServiceProvider();
        await using var server = InMemorySocketServer.Start(static _ => { }, services, options => options.IdleTimeout = TimeSpan.FromMinutes(1));
        InMemorySocketClient client = server.Connect();
        await client.Connection.Soon();

        while (!client.Closed.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(30));
            await Task.Yield();
        }

        Assert.Equal(SocketCloseReason.Idle, await client.Closed.Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task Middleware_is_served_too()
    {
        await using var server = InMemorySocketServer.Start((ConnectionDelegate)(async context => await context.Transport.Output.WriteAsync("hi\n"u8.ToArray())));

        Assert.Equal("hi", await server.Connect().ReceiveLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task Lines_end_with_or_without_a_carriage_return_and_the_stream_with_null()
    {
        await using var client = InMemorySocketClient.Connect(connection => connection.End("a\r\n\nb\r\n"));

        Assert.Equal("a", await client.ReceiveLineAsync().Soon());
        Assert.Equal("", await client.ReceiveLineAsync().Soon());
        Assert.Equal("b", await client.ReceiveLineAsync().Soon());
        Assert.Null(await client.ReceiveLineAsync().Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task A_line_that_is_cut_off_says_what_there_was_and_can_be_received()
    {
        await using var client = InMemorySocketClient.Connect(connection => connection.End("a\nrest"));
        Assert.Equal("a", await client.ReceiveLineAsync().Soon());

        var exception = await Assert.ThrowsAsync<EndOfStreamException>(() => client.ReceiveLineAsync().Soon());

        Assert.Contains("'rest'", exception.Message, StringComparison.Ordinal);
        Assert.Equal("rest", Encoding.UTF8.GetString(await client.ReceiveToEndAsync().Soon()));
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task Text_is_received_up_to_a_delimiter_however_it_was_split()
    {
        await using var client = InMemorySocketClient.Connect(
            connection =>
            {
                foreach (char part in "220 ready\r\n250 ok\r\n")
                {
                    connection.Write([(byte)part]);
                }
            },
            new InMemorySocketClientOptions { BufferSize = 1 });

        Assert.Equal("220 ready\r\n", await client.ReceiveUntilAsync("\r\n").Soon());
        Assert.Equal("250", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(3).Soon()));
        Assert.Equal(" ok\r\n", await client.ReceiveUntilAsync("\r\n").Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task What_a_cancelled_call_has_received_is_received_again()
    {
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var client = InMemorySocketClient.Connect(async connection =>
        {
            connection.Write("half ");
            await second.Task;
            connection.Write("whole\n");
            await foreach (ReadOnlyMemory<byte> _ in connection.ReadAllAsync())
            {
            }
        });
        using var cancellation = new CancellationTokenSource();
        Task<string?> line = client.ReceiveLineAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => line.Soon());

        second.SetResult();

        Assert.Equal("half whole", await client.ReceiveLineAsync().Soon());
    }

    private sealed class ChatHandler : SocketConnectionHandler
    {
        protected override void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
        {
            foreach (ISocketConnection client in connection.Server!.Connections)
            {
                client.Write(chunk);
            }
        };
    }

    private sealed class GreetingHandler(string greeting) : SocketConnectionHandler
    {
        protected override void OnConnection(ISocketConnection connection) => connection.Write(greeting);
    }
}
