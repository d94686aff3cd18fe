using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>A duplex pipe as a handler has it, and the peer at its other end. Back-pressure arises when the peer does not receive.</summary>
public abstract class DuplexPair : IAsyncDisposable
{
    /// <summary>What is tested: the pipe of the server's handler.</summary>
    public abstract IDuplexPipe Transport { get; }

    public PipeReader Input => Transport.Input;

    public PipeWriter Output => Transport.Output;

    /// <summary>What the peer receives.</summary>
    public abstract Stream Received { get; }

    /// <summary>What the peer sends.</summary>
    protected abstract Stream Sent { get; }

    public Task SendAsync(ReadOnlyMemory<byte> data) => Sent.WriteAsync(data).Soon();

    /// <summary>The peer ends its stream and goes on receiving.</summary>
    public abstract void FinishSending();

    /// <summary>The peer leaves as a program does that closes its socket.</summary>
    public abstract void Leave();

    /// <summary>The peer leaves by breaking the connection.</summary>
    public abstract void Reset();

    public async Task<byte[]> ReceiveAsync(int count)
    {
        byte[] received = new byte[count];
        await Received.ReadExactlyAsync(received).Soon();
        return received;
    }

    public async Task<byte[]> ReceiveToEndAsync()
    {
        using var received = new MemoryStream();
        await Received.CopyToAsync(received).Soon();
        return received.ToArray();
    }

    /// <summary>Sends a byte and reads it: what came on its way before this has arrived, and some time has passed.</summary>
    public async Task PingAsync()
    {
        await SendAsync(new byte[1]);
        await Input.TakeAsync(1);
    }

    /// <summary>The same in the other direction, some times: a read that what was sent completes has completed.</summary>
    public async Task AnswerAsync()
    {
        for (int round = 0; round < 10; round++)
        {
            Task<byte[]> receiving = ReceiveAsync(1);
            await Output.WriteAsync(new byte[1]).Soon();
            await receiving;
        }
    }

    public abstract ValueTask DisposeAsync();
}
