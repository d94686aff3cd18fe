using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What a quiet server keeps of the connections that it had.</summary>
[Trait("Row", "C29")]
public abstract class ClosedConnectionMemoryTests(TestTransport transport)
{
    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Nothing_of_a_closed_connection_is_kept(SocketTransportDriver driver)
    {
        using var server = new Server();
        await using SocketServerFixture fixture = await StartAsync(driver, server);

        await TalkAsync(fixture);

        await server.AssertNothingIsKeptAsync();
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public async Task Nothing_of_a_closed_connection_is_kept_whose_handler_has_blocked(SocketTransportDriver driver)
    {
        using var server = new Server();
        await using SocketServerFixture fixture = await StartAsync(driver, server);

        await BlockAsync(fixture, server);

        await server.AssertNothingIsKeptAsync();
    }

    private Task<SocketServerFixture> StartAsync(SocketTransportDriver driver, Server server) => SocketServerFixture.StartWithAsync(
        listen => listen.UseSocketHandler(server.Handle, options => options.IdleTimeout = TimeSpan.FromHours(1)),
        transport,
        setup: HostSetup.On(driver));

    // In a method of its own, so that nothing of the test refers to what it asserts about.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task TalkAsync(SocketServerFixture fixture)
    {
        for (int i = 0; i < 12; i++)
        {
            using RawClient client = await fixture.ConnectAsync(receiveBuffer: 16_384);
            await client.SendAsync(i % 2 == 0 ? "echo" : "flood");
            await client.ReceiveExactlyAsync(4);
            switch (i % 3)
            {
                case 0:
                    client.Reset();
                    break;
                case 1:
                    client.Dispose();
                    break;
                default:
                    await client.ShutdownSendAsync();
                    await client.ReceiveToEndAsync();
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task BlockAsync(SocketServerFixture fixture, Server server)
    {
        using RawClient client = await fixture.ConnectAsync();
        await client.SendAsync("block");
        for (int i = 0; i < 4; i++)
        {
            // On all loops, so also on the one that is held.
            using RawClient other = await fixture.ConnectAsync();
            await other.SendAsync("echo");
            await other.ReceiveExactlyAsync(4);
        }

        server.Unblock();
        await client.ReceiveExactlyAsync(5);
    }

    private sealed class Server : IDisposable
    {
        private readonly ConcurrentQueue<WeakReference> _references = new();
        private readonly ManualResetEventSlim _unblocked = new();
        private int _open;

        public void Handle(ISocketConnection connection)
        {
            Interlocked.Increment(ref _open);
            _references.Enqueue(new WeakReference(connection));
            _references.Enqueue(new WeakReference(connection.Features));
            connection.Closed += () => Interlocked.Decrement(ref _open);
            connection.Drained += () => { };
            connection.Data += chunk =>
            {
                if (chunk[0] == (byte)'b')
                {
                    Assert.True(_unblocked.Wait(Timeouts.Generous));
                }

                connection.Write(chunk[0] == (byte)'f' ? new byte[5_000_000] : chunk);
            };
        }

        public void Unblock() => _unblocked.Set();

        public void Dispose() => _unblocked.Dispose();

        public async Task AssertNothingIsKeptAsync()
        {
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref _open) > 0 || CountKept() > 0)
            {
                if (Stopwatch.GetElapsedTime(start) > Timeouts.Generous)
                {
                    Assert.Fail($"{_open} connections are open, and {CountKept()} of {_references.Count} references are kept.");
                }

                await Task.Yield();
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private int CountKept()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return _references.Count(static reference => reference.IsAlive);
        }
    }
}

public sealed class PlainClosedConnectionMemoryTests() : ClosedConnectionMemoryTests(TestTransport.Plain);

public sealed class TlsClosedConnectionMemoryTests() : ClosedConnectionMemoryTests(TestTransport.Tls);

public sealed class KestrelTlsClosedConnectionMemoryTests() : ClosedConnectionMemoryTests(TestTransport.KestrelTls);
