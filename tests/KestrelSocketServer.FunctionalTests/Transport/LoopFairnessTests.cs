using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>
/// A handler that need not wait, as what it reads or writes goes on at once, still lets the others of its loop have their turn.
/// </summary>
[Trait("Row", "P27")]
public sealed class LoopFairnessTests : IDisposable
{
    // What the system holds for the handler; it reads that in five parts.
    private const int Received = 180 * 1024;
    private const int Parts = 5;

    // So long that nothing is taken from a handler.
    private static readonly TimeSpan NoLimit = TimeSpan.FromMinutes(5);

    private readonly Gate _gate = new();
    private readonly TaskCompletionSource<bool> _othersWereServed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _served;

    // Once before, so that it is accepted, and once while the handler goes on.
    private bool OthersAreServed => Volatile.Read(ref _served) == 2;

    public void Dispose() => _gate.Dispose();

    [Fact]
    public Task While_it_writes() => AssertOthersAreServedAsync(async connection =>
    {
        PipeWriter output = connection.AsPipe().Output;
        _gate.Block();
        for (int i = 0; i < 4000 && !OthersAreServed; i++)
        {
            // So little that the system takes it all, although the client does not read.
            await output.WriteAsync("0123456789ABCDEF"u8.ToArray());
        }
    });

    [Fact]
    public Task While_it_flushes() => AssertOthersAreServedAsync(async connection =>
    {
        PipeWriter output = connection.AsPipe().Output;
        _gate.Block();
        for (int i = 0; i < 4000 && !OthersAreServed; i++)
        {
            output.GetSpan(1)[0] = 1;
            output.Advance(1);
            await output.FlushAsync();
        }
    });

    [Fact]
    public Task While_it_sends_as_a_stream() => AssertOthersAreServedAsync(async connection =>
    {
        Stream stream = connection.AsStream();
        _gate.Block();
        for (int i = 0; i < 4000 && !OthersAreServed; i++)
        {
            // More than the soft limit in all, for which writes wait.
            await stream.WriteAsync(new byte[64]);
        }
    });

    [Fact]
    public Task While_it_reads_and_takes_its_time_for_what_it_has_read() => AssertOthersAreServedAsync(async connection =>
    {
        PipeReader input = connection.AsPipe().Input;
        Socket socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket;
        socket.ReceiveBufferSize = 4 * Received;
        _gate.Block();
        Assert.True(SpinWait.SpinUntil(() => socket.Available >= Received, Timeouts.Generous));
        for (int i = 0; i < Parts && !OthersAreServed; i++)
        {
            input.AdvanceTo((await input.ReadAsync()).Buffer.End);
            long start = Stopwatch.GetTimestamp();
            SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(5));
        }
    });

    private async Task AssertOthersAreServedAsync(Func<ISocketConnection, Task> handler)
    {
        await using TestHost host = await EventLoopHost.StartAsync(
            async connection =>
            {
                await handler(connection);
                _othersWereServed.SetResult(OthersAreServed);
            },
            configure: server =>
            {
                server.Transport.BlockingLimit = NoLimit;
                server.Listen("other", 0, listen => listen.UseSocketHandler(connection => connection.Data += chunk =>
                {
                    Interlocked.Increment(ref _served);
                    connection.Write(chunk);
                }));
            });
        using RawClient other = await RawClient.ConnectAsync(host.Server("other"));
        await Clients.TalkAsync(other, "x");
        using RawClient client = await RawClient.ConnectAsync(host.Server("test"));
        await _gate.BlockedAsync();

        await client.SendAsync(new byte[Received]);
        await other.SendAsync("x");
        _gate.Open();

        Assert.True(await _othersWereServed.Task.Soon());
    }
}
