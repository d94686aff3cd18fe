using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>How a connection of a plain handler ends, from either side.</summary>
[Trait("Row", "P4")]
public abstract class ConnectionLifetimeTests(SocketTransportDriver driver) : IAsyncLifetime
{
    private HandoverServer? _server;
    private SocketPair? _pair;

    private SocketPair Pair => _pair!;

    private ConnectionContext Context => Pair.Context;

    public async Task InitializeAsync()
    {
        _server = await HandoverServer.StartAsync(driver);
        _pair = await _server.ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        await Pair.DisposeAsync();
        await _server!.DisposeAsync();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task When_the_client_leaves_ConnectionClosed_fires(bool reset, bool reading)
    {
        Task closed = ClosedAsync();
        Task<Exception?> read = reading ? Record.ExceptionAsync(() => Pair.Input.TakeToEndAsync()) : Task.FromResult<Exception?>(null);
        Assert.False(Context.ConnectionClosed.IsCancellationRequested);
        Assert.Equal(Context.ConnectionClosed, Context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed);

        if (reset)
        {
            Pair.Reset();
        }
        else
        {
            Pair.Leave();
        }

        await closed;
        Assert.Equal(reset && reading ? typeof(ConnectionResetException) : null, (await read)?.GetType());
    }

    [Fact]
    public async Task Abort_resets_the_connection_for_the_client()
    {
        Task closed = ClosedAsync();
        await Pair.PingAsync();

        Context.Abort();

        Assert.Equal(SocketError.ConnectionReset, await ReceiveErrorAsync());
        await closed;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Abort_fails_a_waiting_read_with_its_reason_and_those_that_follow(bool byFeature)
    {
        Task<ReadResult> waiting = Context.Transport.Input.ReadAsync().AsTask();
        Assert.False(waiting.IsCompleted);

        if (byFeature)
        {
            Context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort();
        }
        else
        {
            Context.Abort(new ConnectionAbortedException("Enough."));
        }

        ConnectionAbortedException exception = await Assert.ThrowsAsync<ConnectionAbortedException>(() => waiting.Soon());
        Assert.Equal(byFeature, exception.Message != "Enough.");
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => Context.Transport.Input.ReadAsync().Soon());
        Assert.Equal(SocketError.ConnectionReset, await ReceiveErrorAsync());
    }

    [Fact]
    public async Task Abort_completes_a_waiting_flush_and_those_that_follow()
    {
        Task<FlushResult> waiting = Pair.Output.WriteAsync(new byte[64 * 1024 * 1024]).AsTask();
        await Pair.PingAsync();
        Assert.False(waiting.IsCompleted);

        Context.Abort();
        Context.Abort();

        Assert.True((await waiting.Soon()).IsCompleted);
        Assert.True((await Pair.Output.WriteAsync(new byte[10]).Soon()).IsCompleted);
    }

    [Fact]
    public async Task Abort_from_another_thread_while_both_directions_run_does_no_harm()
    {
        for (int round = 0; round < 20; round++)
        {
            await using SocketPair pair = await _server!.ConnectAsync();
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task<Exception?> reading = Task.Run(() => Record.ExceptionAsync(() => pair.Input.TakeToEndAsync()));
            Task<Exception?> sending = Task.Run(() => Record.ExceptionAsync(() => pair.SendAsync(new byte[64 * 1024 * 1024])));
            Task<Exception?> receiving = Task.Run(() => Record.ExceptionAsync(pair.ReceiveToEndAsync));
            Task writing = Task.Run(async () =>
            {
                while (!(await pair.Output.WriteAsync(new byte[10_000]).Soon()).IsCompleted)
                {
                    started.TrySetResult();
                }
            });
            await started.Task.Soon();

            await Task.Run(pair.Context.Abort).Soon();

            await writing.Soon();
            Assert.IsType<ConnectionAbortedException>(await reading.Soon());
            Assert.IsType<IOException>(await sending.Soon());

            // The operating system tells an error once; to whom of the two is a matter of chance.
            Assert.True(await receiving.Soon() is null or IOException);
        }
    }

    [Theory]
    [InlineData(false, 5)]
    [InlineData(true, 5)]
    [InlineData(false, 1_000_000)]
    [InlineData(true, 1_000_000)]
    public async Task When_the_handler_returns_what_it_wrote_is_sent_and_the_connection_ends(bool flush, int length)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        Pair.Output.Write(data);
        Task<FlushResult>? flushing = flush ? Pair.Output.FlushAsync().AsTask() : null;
        Task<byte[]> receiving = Pair.ReceiveToEndAsync();
        if (flushing is not null)
        {
            await flushing.Soon();
        }

        Pair.EndHandler();

        Assert.Equal(data, await receiving);
    }

    [Fact]
    public async Task When_the_handler_returns_the_socket_is_closed()
    {
        Socket socket = Context.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;

        Pair.EndHandler();
        Assert.Empty(await Pair.ReceiveToEndAsync());
        Pair.Leave();

        await _server!.Host.StopAsync();
        Assert.True(socket.SafeHandle.IsClosed);
    }

    /// <summary>What ends the stream for the client.</summary>
    private async Task<SocketError> ReceiveErrorAsync()
    {
        IOException exception = await Assert.ThrowsAnyAsync<IOException>(Pair.ReceiveToEndAsync);
        return Assert.IsType<SocketException>(exception.InnerException).SocketErrorCode;
    }

    private Task ClosedAsync()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Context.ConnectionClosed.Register(closed.SetResult);
        return closed.Task.Soon();
    }
}

public sealed class EventLoopConnectionLifetimeTests() : ConnectionLifetimeTests(SocketTransportDriver.EventLoop);

public sealed class SocketConnectionLifetimeTests() : ConnectionLifetimeTests(SocketTransportDriver.Socket);
