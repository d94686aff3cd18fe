using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Connections.Memory;

[Trait("Row", "G9")]
public abstract class MemoryBoundTests(TestTransport transport)
{
    private const int Large = 8_000_000;
    private const int Bound = 10_000_000;

    public static TheoryData<SocketTransportDriver, string> Writers => TestDrivers.With("write", "one event", "stream", "pipe");

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Writers))]
    public async Task The_connection_that_holds_most_is_closed_when_all_together_have_too_much(SocketTransportDriver driver, string writer)
    {
        int accepted = 0;
        await using SocketServerFixture server = await StartAsync(driver, connection => Interlocked.Increment(ref accepted) switch
        {
            1 => WriteAsync("write", connection, Bound - Large - 1_000_000),
            2 => WriteAsync(writer, connection, Large),
            _ => WriteAsync("write", connection, Large / 2),
        });
        (RawClient small, EventRecorder smallEvents) = await ConnectAsync(server);
        using RawClient first = small;
        (RawClient large, EventRecorder largeEvents) = await ConnectAsync(server);
        using RawClient second = large;
        (RawClient last, EventRecorder lastEvents) = await ConnectAsync(server);
        using RawClient third = last;

        Exception error = await largeEvents.Error;
        await largeEvents.Closed;

        Assert.IsType<IOException>(error);
        Assert.Contains($"MaxUnsentBytes allows {Bound} for all connections together", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.Limit, largeEvents.ReasonInClosed);
        IOException reset = await Assert.ThrowsAnyAsync<IOException>(() => large.ReceiveToEndAsync());
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(reset.InnerException).SocketErrorCode);
        await small.ReceiveExactlyAsync(Bound - Large - 1_000_000);
        await last.ReceiveExactlyAsync(Large / 2);
        Assert.Empty(smallEvents.Events.Except(["drain"]));
        Assert.Empty(lastEvents.Events.Except(["drain"]));
    }

    [Theory]
    [MemberData(nameof(Writers))]
    public async Task The_metric_tells_what_is_unsent_and_comes_back_to_nothing(SocketTransportDriver driver, string writer)
    {
        await using SocketServerFixture server = await StartAsync(driver, connection => WriteAsync(writer, connection, Large));
        long unsent = -1;
        using var listener = new MeterListener();
        IMeterFactory meters = server.Host.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "socket_server.unsent" && instrument.Meter.Scope == meters)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Volatile.Write(ref unsent, value));
        listener.Start();
        (RawClient client, EventRecorder events) = await ConnectAsync(server);
        using RawClient connected = client;

        await UntilAsync(() => Read() > Large / 2);
        await client.ReceiveExactlyAsync(Large);
        await UntilAsync(() => Read() == 0);
        Assert.InRange(unsent, 0, 0);
        Assert.DoesNotContain("close", events.Events);

        (RawClient leaving, EventRecorder left) = await ConnectAsync(server);
        await UntilAsync(() => Read() > Large / 2);
        leaving.Reset();
        await left.Closed;
        await UntilAsync(() => Read() == 0);

        long Read()
        {
            listener.RecordObservableInstruments();
            return Volatile.Read(ref unsent);
        }
    }

    [Fact]
    public async Task The_default_is_a_quarter_of_the_memory_and_nobody_is_closed_below_it()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection => WriteAsync("write", connection, 3 * Bound), transport, setup: new HostSetup());
        (RawClient client, EventRecorder events) = await ConnectAsync(server);
        using RawClient connected = client;

        await client.ReceiveExactlyAsync(3 * Bound);

        Assert.DoesNotContain("close", events.Events);
    }

    private Task<SocketServerFixture> StartAsync(SocketTransportDriver driver, Func<ISocketConnection, Task> handle) => SocketServerFixture.StartAsync(
        connection =>
        {
            connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 16_384;
            return handle(connection);
        },
        transport,
        setup: new HostSetup
        {
            Server = server =>
            {
                server.Transport.Driver = driver;
                server.Limits.MaxUnsentBytes = Bound;
            },
        });

    private static async Task<(RawClient Client, EventRecorder Events)> ConnectAsync(SocketServerFixture server)
    {
        RawClient client = await server.ConnectAsync(receiveBuffer: 16_384);
        return (client, new EventRecorder(await server.AcceptedAsync(), data: false));
    }

    // Returns only when the peer has ended, for the handlers that write in a flow of their own.
    private static async Task WriteAsync(string writer, ISocketConnection connection, int size)
    {
        switch (writer)
        {
            case "one event":
                byte[] part = new byte[size / 100];
                for (int i = 0; i < 100; i++)
                {
                    connection.Write(part);
                }

                break;
            case "stream":
                Stream stream = connection.AsStream();
                await stream.WriteAsync(new byte[size]);
                await stream.CopyToAsync(Stream.Null);
                break;
            case "pipe":
                System.IO.Pipelines.IDuplexPipe pipe = connection.AsPipe();
                await pipe.Output.WriteAsync(new byte[size]);
                await pipe.Input.CopyToAsync(Stream.Null);
                break;
            default:
                connection.Write(new byte[size]);
                break;
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(Timeouts.Generous);
        while (!condition())
        {
            await Task.Yield();
            timeout.Token.ThrowIfCancellationRequested();
        }
    }
}

public sealed class PlainMemoryBoundTests() : MemoryBoundTests(TestTransport.Plain);

public sealed class TlsMemoryBoundTests() : MemoryBoundTests(TestTransport.Tls);
