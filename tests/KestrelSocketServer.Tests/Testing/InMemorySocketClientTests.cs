using System.Net;
using System.Text;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.Tests.Testing;

public class InMemorySocketClientTests
{
    [Fact]
    [Trait("Row", "H9")]
    public async Task A_function_that_subscribes_is_served()
    {
        await using var client = InMemorySocketClient.Connect(connection => connection.Pipe(connection));

        await client.SendAsync("hello");

        Assert.Equal("hello", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(5).Soon()));
        client.End();
        Assert.Empty(await client.ReceiveToEndAsync().Soon());
        await client.Completion.Soon();
        Assert.False(client.Aborted.IsCompleted);
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "H6")]
    public async Task A_function_that_reads_in_its_own_flow_is_served()
    {
        await using var client = InMemorySocketClient.Connect(async connection =>
        {
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                await connection.WriteAsync(chunk);
            }
        });

        await client.SendAsync("hello");
        client.End();

        Assert.Equal("hello", Encoding.UTF8.GetString(await client.ReceiveToEndAsync().Soon()));
        await client.Completion.Soon();
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "H6")]
    public async Task A_handler_class_is_served_with_its_options()
    {
        var handler = new LimitHandler();
        await using var client = InMemorySocketClient.Connect(
            handler, new InMemorySocketClientOptions { ConfigureConnection = options => options.WriteBufferSoftLimit = 4 });

        Assert.Equal("abc", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(3).Soon()));
        Assert.Equal("defg", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(4).Soon()));
        Assert.Equal([true, false], handler.Results);
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task A_pipeline_of_Kestrels_own_kind_is_served_and_its_exception_is_seen()
    {
        ConnectionDelegate pipeline = async context =>
        {
            await context.Transport.Output.WriteAsync("hi"u8.ToArray());
            throw new InvalidOperationException("mine");
        };
        await using var client = InMemorySocketClient.Connect(pipeline);

        Assert.Equal("hi", Encoding.UTF8.GetString(await client.ReceiveExactlyAsync(2).Soon()));
        Assert.Equal("mine", (await Assert.ThrowsAsync<InvalidOperationException>(() => client.ReceiveAsync().Soon())).Message);
        Assert.Equal("mine", (await Assert.ThrowsAsync<InvalidOperationException>(() => client.Completion.Soon())).Message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.Connection.Soon());
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.Closed.Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task A_reset_fails_both_directions_on_the_server()
    {
        var read = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        var written = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        ConnectionDelegate pipeline = async context =>
        {
            read.SetResult(await Record.ExceptionAsync(() => context.Transport.Input.ReadAsync().AsTask()));
            written.SetResult(await Record.ExceptionAsync(() => context.Transport.Output.WriteAsync(new byte[1]).AsTask()));
        };
        await using var client = InMemorySocketClient.Connect(pipeline);

        client.Reset();

        Assert.IsType<ConnectionResetException>(await read.Task.Soon());
        Assert.IsType<ConnectionResetException>(await written.Task.Soon());
        await Assert.ThrowsAsync<ConnectionResetException>(() => client.ReceiveAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => client.SendAsync("x"));
        await client.Completion.Soon();
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "C16")]
    public async Task An_abort_is_observed_and_ends_the_stream()
    {
        ISocketConnection? accepted = null;
        await using var client = InMemorySocketClient.Connect(connection =>
        {
            accepted = connection;
            connection.Data += _ => connection.Close();
        });

        await client.SendAsync("x");

        Assert.NotNull(await client.Aborted.Soon());
        Assert.Empty(await client.ReceiveToEndAsync().Soon());
        await client.Completion.Soon();
        Assert.False(accepted!.IsWritable);
        await Assert.ThrowsAnyAsync<IOException>(() => client.SendAsync("x"));
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task The_stream_that_ends_too_early_says_how_far_it_came()
    {
        await using var client = InMemorySocketClient.Connect(connection => connection.End("abc"));

        var exception = await Assert.ThrowsAsync<EndOfStreamException>(() => client.ReceiveExactlyAsync(5).Soon());

        Assert.Contains("3 of 5", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "C21")]
    [Trait("Row", "C22")]
    public async Task The_addresses_are_those_of_the_options()
    {
        ISocketConnection? accepted = null;
        var options = new InMemorySocketClientOptions
        {
            RemoteEndPoint = new IPEndPoint(IPAddress.IPv6Loopback, 1),
            LocalEndPoint = new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.1"), 2),
        };
        await using var client = InMemorySocketClient.Connect(
            connection =>
            {
                accepted = connection;
                connection.Write("x");
            },
            options);
        await client.ReceiveExactlyAsync(1).Soon();

        Assert.Equal("[::1]:1", accepted!.RemoteAddress);
        Assert.Equal("127.0.0.1:2", accepted.LocalAddress);
        Assert.Equal(client.Context.ConnectionId, accepted.Id);
        Assert.Same(accepted, await client.Connection.Soon());
    }

    [Fact]
    [Trait("Row", "H9")]
    [Trait("Row", "C25")]
    public async Task Logs_go_to_the_services_that_were_given()
    {
        await using ServiceProvider services = new ServiceCollection().AddLogging(logging => logging.AddFakeLogging()).BuildServiceProvider();
        await using var client = InMemorySocketClient.Connect(Fail, new InMemorySocketClientOptions { Services = services });

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.Completion.Soon());

        FakeLogRecord record = Assert.Single(services.GetRequiredService<FakeLogCollector>().GetSnapshot());
        Assert.Equal(LogLevel.Warning, record.Level);
        Assert.Equal("mine", record.Exception!.Message);

        static void Fail(ISocketConnection connection) => throw new InvalidOperationException("mine");
    }

    [Fact]
    [Trait("Row", "H9")]
    public async Task Disposing_of_the_client_ends_a_connection_that_is_open()
    {
        EventRecorder? events = null;
        var client = InMemorySocketClient.Connect(connection => events = new EventRecorder(connection));

        await client.DisposeAsync().Soon();

        await events!.Closed;
        Assert.Equal(["close"], events.Events);
        Assert.True(client.Completion.IsCompletedSuccessfully);
    }

    private sealed class LimitHandler : SocketConnectionHandler
    {
        public List<bool> Results { get; } = [];

        protected override void OnConnection(ISocketConnection connection)
        {
            Results.Add(connection.Write("abc"));
            Results.Add(connection.Write("defg"));
        }
    }
}
