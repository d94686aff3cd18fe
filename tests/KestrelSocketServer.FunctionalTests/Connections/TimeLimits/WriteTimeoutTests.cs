using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer.FunctionalTests.Connections.TimeLimits;

[Trait("Row", "G12")]
[Trait("Row", "G16")]
public abstract class WriteTimeoutTests(TestTransport transport)
{
    private const int Part = 2_000_000;

    public static TheoryData<SocketTransportDriver, string> Writers => TestDrivers.With("write", "stream", "pipe");

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Writers))]
    public async Task A_peer_that_takes_a_large_answer_slowly_is_closed_only_when_it_stops(SocketTransportDriver driver, string writer)
    {
        await using TimedPair pair = await StartAsync(driver, connection => WriteAsync(writer, connection, new byte[10 * Part]));
        for (int round = 0; round < 5; round++)
        {
            // Much more than what the buffers on the way hold: some of it is sent only now.
            await pair.Client.ReceiveExactlyAsync(Part);
            pair.Pass(TimedPair.Almost);
        }

        Assert.DoesNotContain("close", pair.Events.Events);
        Exception error = await pair.ExpireAsync();

        Assert.IsType<TimeoutException>(error);
        Assert.Contains("something to send of which its peer took nothing for ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("WriteTimeout allows 00:01:00.", error.Message, StringComparison.Ordinal);
        Assert.Equal(SocketCloseReason.WriteTimeout, pair.Events.ReasonInClosed);
        IOException reset = await Assert.ThrowsAnyAsync<IOException>(() => pair.Client.ReceiveToEndAsync());
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(reset.InnerException).SocketErrorCode);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task With_nothing_to_send_nothing_is_due(SocketTransportDriver driver)
    {
        var thanked = new SemaphoreSlim(0);
        await using TimedPair pair = await StartAsync(driver, connection =>
        {
            connection.Data += chunk =>
            {
                if (chunk.SequenceEqual("thanks"u8))
                {
                    thanked.Release();
                }
                else
                {
                    connection.Write(chunk);
                }
            };
            return Task.CompletedTask;
        });
        await pair.Client.SendAsync("hello");
        Assert.Equal("hello", await pair.Client.ReceiveTextAsync(5));

        // With the acknowledgement, which would take its time by itself.
        await pair.Client.SendAsync("thanks");
        await thanked.WaitAsync().Soon();

        for (int i = 0; i < 10; i++)
        {
            pair.Pass(TimedPair.Limit);
        }

        await pair.Client.SendAsync("again");
        Assert.Equal("again", await pair.Client.ReceiveTextAsync(5));
        Assert.Empty(pair.Events.Events);
    }

    [Fact]
    public async Task On_event_loops_what_the_system_holds_is_watched_too()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        const int Size = 300_000;
        await using TimedPair pair = await StartAsync(SocketTransportDriver.EventLoop, async connection =>
        {
            connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 4 * Size;
            if (!await connection.WriteAsync(new byte[Size]))
            {
                throw new InvalidOperationException("It was not sent.");
            }

            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                connection.Write(chunk.Span);
            }
        });

        // Each is acknowledged, and nothing is left to send for the process.
        for (int round = 0; round < 4; round++)
        {
            await pair.Client.ReceiveExactlyAsync(Size / 5);
            pair.Pass(TimedPair.Almost);
        }

        Assert.DoesNotContain("close", pair.Events.Events);
        await pair.ExpireAsync();
        Assert.Equal(SocketCloseReason.WriteTimeout, pair.Events.ReasonInClosed);
    }

    private Task<TimedPair> StartAsync(SocketTransportDriver driver, Func<ISocketConnection, Task> handle)
        => TimedPair.StartAsync(
            transport,
            driver,
            options => options.WriteTimeout = TimedPair.Limit,
            connection =>
            {
                connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 16_384;
                return handle(connection);
            },
            receiveBuffer: 16_384);

    private static async Task WriteAsync(string writer, ISocketConnection connection, byte[] data)
    {
        switch (writer)
        {
            case "stream":
                await connection.AsStream().WriteAsync(data);
                break;
            case "pipe":
                await connection.AsPipe().Output.WriteAsync(data);
                break;
            default:
                connection.Write(data);
                break;
        }
    }
}

public sealed class PlainWriteTimeoutTests() : WriteTimeoutTests(TestTransport.Plain);

public sealed class TlsWriteTimeoutTests() : WriteTimeoutTests(TestTransport.Tls);
