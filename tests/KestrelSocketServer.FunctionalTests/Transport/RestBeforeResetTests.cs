using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using KestrelSocketServer.FunctionalTests.Connections;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What had arrived when the peer reset the connection: as a peer does that closes before it has read everything.</summary>
public abstract class RestBeforeResetTests(TestTransport transport)
{
    // As much as a peer gets rid of while nobody reads.
    private const int Size = 50_000;

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    public static TheoryData<SocketTransportDriver, string> DriversAndLeaves => TestDrivers.With("reset", "close", "goodbye");

    public static TheoryData<SocketTransportDriver, string> DriversAndReleases => TestDrivers.With("close", "end", "idle", "stop");

    public static TheoryData<SocketTransportDriver, string> DriversAndStyles => TestDrivers.With("chunks", "stream", "pipe");

    [Theory]
    [MemberData(nameof(DriversAndLeaves))]
    [Trait("Row", "C18")]
    public async Task What_had_arrived_before_a_reset_is_delivered_on_resume(SocketTransportDriver driver, string leave)
    {
        await using ConnectedPair pair = await StartAsync(driver);
        byte[] data = await SendAndLeaveAsync(pair, leave);
        Assert.Empty(pair.Events.Events);
        Assert.True(pair.Connection.IsReadable);

        pair.Connection.Resume();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        bool hasEnded = leave == "goodbye";
        Assert.Equal(hasEnded ? ["data", "end", "close"] : ["data", "close"], pair.Events.Events);
        Assert.Equal(hasEnded ? SocketCloseReason.PeerEnded : SocketCloseReason.PeerReset, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C18")]
    public async Task What_had_arrived_before_a_reset_survives_a_pause_after_every_chunk(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await StartAsync(driver, connection => connection.Data += _ =>
        {
            connection.Pause();
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Resume(), connection, preferLocal: false);
        });
        byte[] data = await SendAndLeaveAsync(pair, "reset");

        pair.Connection.Resume();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C18")]
    public async Task A_reset_is_seen_at_once_when_all_that_had_arrived_is_delivered(SocketTransportDriver driver)
    {
        int received = 0;
        await using ConnectedPair pair = await StartAsync(driver, connection => connection.Data += chunk =>
        {
            received += chunk.Length;
            if (received == Size)
            {
                connection.Pause();
            }
        });
        byte[] data = await SendAndLeaveAsync(pair, "reset");

        pair.Connection.Resume();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C18")]
    [Trait("Row", "C6")]
    public async Task A_failed_write_is_seen_at_once_by_who_writes_and_does_not_lose_what_had_arrived(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await StartAsync(driver);
        byte[] data = await SendAndLeaveAsync(pair, "reset");
        WriteUntilItFails(pair.Connection);

        Assert.False(pair.Connection.IsWritable);
        Assert.Empty(pair.Events.Events);
        pair.Connection.Resume();

        Assert.IsAssignableFrom<IOException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "error", "close"], pair.Events.Events);
        Assert.Equal(SocketCloseReason.PeerReset, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C3")]
    public async Task A_write_that_fails_inside_data_does_not_lose_what_had_arrived(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await StartAsync(driver, connection => connection.Data += chunk => connection.Write(chunk));
        byte[] data = await SendAndLeaveAsync(pair, "reset");

        pair.Connection.Resume();

        await pair.Events.Closed;
        Assert.Equal(data, pair.Events.Received);
        Assert.Equal(["data", "error", "close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(DriversAndReleases))]
    [Trait("Row", "C18")]
    [Trait("Row", "C28")]
    [Trait("Row", "H4")]
    public async Task A_connection_that_stays_paused_is_released_by_a_close_a_limit_and_a_shutdown(SocketTransportDriver driver, string release)
    {
        var time = new FakeTimeProvider();
        await using ConnectedPair pair = await StartAsync(
            driver,
            options: options => options.IdleTimeout = release == "idle" ? TimeSpan.FromSeconds(10) : null,
            server: server => server.ShutdownTimeout = TimeSpan.Zero,
            services: services =>
            {
                if (release == "idle")
                {
                    services.AddSingleton<TimeProvider>(time);
                }
            });
        Socket socket = pair.Connection.Features.Get<IConnectionSocketFeature>()!.Socket;

        // Long enough for whoever looks after the socket, and not for the limit.
        int advances = 0;
        await SendAndLeaveAsync(pair, "reset", () => time.Advance(TimeSpan.FromMilliseconds(advances++ < 50 ? 100 : 0)));
        Assert.False(socket.SafeHandle.IsClosed);

        Task stopping = Task.CompletedTask;
        switch (release)
        {
            case "close":
                pair.Connection.Close();
                break;
            case "end":
                pair.Connection.End();
                break;
            case "stop":
                stopping = pair.Server.Host.StopAsync();
                break;
            default:
                await RepeatAsync(() => time.Advance(TimeSpan.FromSeconds(1)), pair.Events.Closed);
                break;
        }

        await pair.Events.Closed;
        await stopping;
        Assert.DoesNotContain("data", pair.Events.Events);
        await pair.Server.DisposeAsync();
        Assert.True(socket.SafeHandle.IsClosed);
    }

    [Theory]
    [MemberData(nameof(DriversAndStyles))]
    [Trait("Row", "C18")]
    [Trait("Row", "H7")]
    public async Task What_had_arrived_before_a_reset_is_read_in_the_other_styles_also_after_a_failed_write(SocketTransportDriver driver, string style)
    {
        var accepted = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var read = new TaskCompletionSource<(byte[] Data, Exception? Failure)>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            async connection =>
            {
                Func<MemoryStream, Task> copyAsync = Reader(style, connection, out Func<Task> failWriteAsync);
                accepted.SetResult(connection);
                await gone.Task;
                await failWriteAsync();
                using var received = new MemoryStream();
                Exception? failure = await Record.ExceptionAsync(() => copyAsync(received));
                read.SetResult((received.ToArray(), failure));
            },
            transport,
            setup: HostSetup.On(driver));
        using RawClient client = await server.ConnectAsync();
        Task hungUp = HungUpAsync(await accepted.Task.Soon());
        byte[] data = RandomNumberGenerator.GetBytes(Size);
        await client.SendAsync(data);

        client.Reset();
        await hungUp;
        gone.SetResult();

        (byte[] received, Exception? failure) = await read.Task.Soon();
        Assert.Equal(data, received);
        Assert.IsAssignableFrom<IOException>(failure);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C18")]
    [Trait("Row", "C20")]
    public async Task A_pipe_whose_destination_is_full_passes_on_what_had_arrived_before_the_source_was_reset(SocketTransportDriver driver)
    {
        byte[] before = RandomNumberGenerator.GetBytes(12_000_000);
        var connections = new TaskCompletionSource<ISocketConnection>[] { new(), new() };
        int count = 0;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection => connections[Interlocked.Increment(ref count) - 1].SetResult(connection), transport, setup: HostSetup.On(driver));
        using RawClient receiver = await server.ConnectAsync(receiveBuffer: 16_384);
        ISocketConnection destination = await connections[0].Task.Soon();
        using RawClient sender = await server.ConnectAsync();
        ISocketConnection source = await connections[1].Task.Soon();
        Task hungUp = HungUpAsync(source);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        source.Closed += closed.SetResult;

        // More than the system takes: the first chunk pauses the source.
        source.Pause();
        Assert.False(destination.Write(before));
        source.Pipe(destination);
        source.Resume();
        byte[] data = RandomNumberGenerator.GetBytes(Size);
        await sender.SendAsync(data);
        sender.Reset();
        await hungUp;

        byte[] received = await receiver.ReceiveExactlyAsync(before.Length + data.Length);

        Assert.True(received.AsSpan(0, before.Length).SequenceEqual(before));
        Assert.Equal(data, received[before.Length..]);
        await closed.Task.Soon();
        Assert.Equal(SocketCloseReason.PeerReset, source.CloseReason);
    }

    private Task<ConnectedPair> StartAsync(
        SocketTransportDriver driver,
        Action<ISocketConnection>? handle = null,
        Action<SocketConnectionOptions>? options = null,
        Action<SocketServerOptions>? server = null,
        Action<IServiceCollection>? services = null) => ConnectedPair.StartAsync(
            transport,
            (connection, _) =>
            {
                connection.Pause();
                connection.Write("hello");
                handle?.Invoke(connection);
            },
            options,
            setup: new HostSetup
            {
                Server = settings =>
                {
                    settings.Transport.Driver = driver;
                    server?.Invoke(settings);
                },
                Services = services,
            });

    // Leaves what the server sends unread, so that closing is a reset too. Returns when the server knows.
    private static async Task<byte[]> SendAndLeaveAsync(ConnectedPair pair, string leave, Action? whileWaiting = null)
    {
        Task hungUp = HungUpAsync(pair.Connection);
        await pair.Client.Socket.ReceiveAsync(new byte[1], SocketFlags.Peek).Soon();
        byte[] data = RandomNumberGenerator.GetBytes(Size);
        await pair.Client.SendAsync(data);
        if (leave == "goodbye" && pair.Client.Stream is SslStream stream)
        {
            await stream.ShutdownAsync().Soon();
        }
        else if (leave == "goodbye")
        {
            pair.Client.Socket.Shutdown(SocketShutdown.Send);
        }

        if (leave == "reset")
        {
            pair.Client.Reset();
        }
        else
        {
            pair.Client.Dispose();
        }

        await RepeatAsync(whileWaiting, hungUp);
        return data;
    }

    private static async Task HungUpAsync(ISocketConnection connection)
    {
        var hungUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = connection.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(hungUp.SetResult);
        await hungUp.Task.Soon();
    }

    private static async Task RepeatAsync(Action? action, Task until)
    {
        while (action is not null && !until.IsCompleted)
        {
            action();
            await Task.Yield();
        }

        await until;
    }

    private static void WriteUntilItFails(ISocketConnection connection)
    {
        // What the failure answers is the second one at the latest.
        Assert.Contains(Enumerable.Range(0, 10), _ => !connection.Write("x"));
    }

    private static Func<MemoryStream, Task> Reader(string style, ISocketConnection connection, out Func<Task> failWriteAsync)
    {
        failWriteAsync = () =>
        {
            WriteUntilItFails(connection);
            return Task.CompletedTask;
        };
        switch (style)
        {
            case "chunks":
                IAsyncEnumerable<ReadOnlyMemory<byte>> chunks = connection.ReadAllAsync();
                return async received =>
                {
                    await foreach (ReadOnlyMemory<byte> chunk in chunks)
                    {
                        received.Write(chunk.Span);
                    }
                };
            case "stream":
                Stream stream = connection.AsStream();
                return received => stream.CopyToAsync(received);
            default:
                IDuplexPipe pipe = connection.AsPipe();
                failWriteAsync = async () =>
                {
                    for (int i = 0; i < 10; i++)
                    {
                        Exception? failure = await Record.ExceptionAsync(async () => await pipe.Output.WriteAsync(new byte[1]));
                        Assert.True(failure is null or IOException or ConnectionAbortedException);
                    }
                };
                return received => pipe.Input.CopyToAsync(received);
        }
    }
}

public sealed class PlainRestBeforeResetTests() : RestBeforeResetTests(TestTransport.Plain);

public sealed class TlsRestBeforeResetTests() : RestBeforeResetTests(TestTransport.Tls);
