using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Tls;

/// <summary>A connection's pipe as the stream below TLS.</summary>
internal sealed class TlsTransportStream(IDuplexPipe transport) : Stream, IEndOfTransport
{
    private readonly PipeReader _input = transport.Input;
    private readonly PipeWriter _output = transport.Output;
    private ClientHelloAssembler? _hello = new();
    private ReadOnlyMemory<byte> _assembled;
    private bool _hasEnded;

    public bool HasEnded => Volatile.Read(ref _hasEnded);

    public bool RequiresCloseNotify { get; init; }

    /// <summary>Waited for when all of the client's first message is there, before anybody sees it.</summary>
    public Func<CancellationToken, ValueTask>? HelloReceived { get; set; }

    /// <summary>Called before the first write.</summary>
    public Action? FirstWriting { get; set; }

    /// <summary>Whether anything was written.</summary>
    public bool HasWritten { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <remarks>With an empty buffer it waits until there is something to read, so that nobody needs memory for that.</remarks>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => _hello is null ? ReceiveAsync(buffer, cancellationToken) : ReadHelloAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!HasWritten)
        {
            HasWritten = true;
            FirstWriting?.Invoke();
        }

        ValueTask<FlushResult> flush = _output.WriteAsync(buffer, cancellationToken);
        if (!flush.IsCompletedSuccessfully)
        {
            return CheckAsync(flush);
        }

        Check(flush.Result);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> received = result.Buffer;
            if (received.IsEmpty)
            {
                _input.AdvanceTo(received.End);
                if (result.IsCompleted)
                {
                    Volatile.Write(ref _hasEnded, true);
                    return 0;
                }

                continue;
            }

            // Counted before the pipe takes the segments back: after that a sequence over several of them has another length.
            int count = (int)Math.Min(received.Length, buffer.Length);
            ReadOnlySequence<byte> taken = received.Slice(0, count);
            taken.CopyTo(buffer.Span);
            _input.AdvanceTo(taken.End);
            return count;
        }
    }

    private async ValueTask<int> ReadHelloAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (_assembled.IsEmpty)
        {
            ReadResult result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> received = result.Buffer;
            if (!_hello!.TryExamine(received, out _assembled) && !result.IsCompleted)
            {
                _input.AdvanceTo(received.Start, received.End);
                continue;
            }

            if (_assembled.IsEmpty)
            {
                _hello = null;
                _input.AdvanceTo(received.Start);
                await OnHelloReceivedAsync(cancellationToken).ConfigureAwait(false);
                return await ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            }

            _input.AdvanceTo(received.GetPosition(_hello.Examined));
        }

        await OnHelloReceivedAsync(cancellationToken).ConfigureAwait(false);

        ReadOnlyMemory<byte> part = _assembled[..Math.Min(_assembled.Length, buffer.Length)];
        part.CopyTo(buffer);
        _assembled = _assembled[part.Length..];
        if (_assembled.IsEmpty)
        {
            _hello = null;
        }

        return part.Length;
    }

    // Once, also where the message is cut so that it is read in several steps.
    private ValueTask OnHelloReceivedAsync(CancellationToken cancellationToken)
    {
        Func<CancellationToken, ValueTask>? received = HelloReceived;
        HelloReceived = null;
        return received?.Invoke(cancellationToken) ?? ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask CheckAsync(ValueTask<FlushResult> flush) => Check(await flush.ConfigureAwait(false));

    private static void Check(in FlushResult result)
    {
        if (result.IsCompleted)
        {
            throw new IOException("The peer no longer receives.");
        }
    }
}
