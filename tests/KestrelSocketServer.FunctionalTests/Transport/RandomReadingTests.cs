using System.Security.Cryptography;
using CsCheck;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Whatever part of each read a reader consumes and examines, it gets every byte once and in order.</summary>
[Trait("Row", "P1")]
public abstract class RandomReadingTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    private static readonly Gen<ReadStep[]> Patterns = Gen.Select(
            Gen.Enum<ReadStepKind>(), Gen.Int[0, 8], Gen.Int[0, 8],
            (kind, consumed, examined) => new ReadStep(kind, consumed, Math.Max(consumed, examined)))
        .Array[1, 8].Where(steps => steps.Any(step => step.Progresses));

    private bool _stuck;

    [Fact]
    public Task Short_streams_sent_in_pieces() => Gen.Select(Patterns, Gen.Int[0, 200_000], Gen.Int[50, 80_000])
        .SampleAsync(run => RunOrStopAsync(run.Item1, run.Item2, run.Item3), iter: 60, threads: 1);

    [Fact]
    public Task A_long_stream() => Patterns
        .SampleAsync(steps => RunOrStopAsync(steps, 32 * 1024 * 1024, 1024 * 1024), iter: 2, threads: 1);

    // Where something hangs, one time-out is enough: no search for the shortest way to it.
    private async Task<bool> RunOrStopAsync(ReadStep[] steps, int length, int piece)
    {
        if (_stuck)
        {
            return true;
        }

        try
        {
            await RunAsync(steps, length, piece);
            return true;
        }
        catch (TimeoutException)
        {
            _stuck = true;
            throw;
        }
    }

    private async Task RunAsync(ReadStep[] steps, int length, int piece)
    {
        byte[] data = RandomNumberGenerator.GetBytes(length);
        await using DuplexPair pair = await ConnectAsync();
        Task sending = Task.Run(SendAsync);
        var reader = new SteppingReader(pair.Input, data);
        while (!reader.HasEnded)
        {
            foreach (ReadStep step in steps)
            {
                await reader.StepAsync(step);
            }
        }

        await sending;

        async Task SendAsync()
        {
            for (int sent = 0; sent < length; sent += piece)
            {
                await pair.SendAsync(data.AsMemory(sent, Math.Min(piece, length - sent)));
            }

            pair.FinishSending();
        }
    }
}

public sealed class EventLoopRandomReadingTests() : RandomReadingTests(SocketTransportDriver.EventLoop);

public sealed class SocketRandomReadingTests() : RandomReadingTests(SocketTransportDriver.Socket);

public sealed class MemoryRandomReadingTests() : RandomReadingTests(null);
