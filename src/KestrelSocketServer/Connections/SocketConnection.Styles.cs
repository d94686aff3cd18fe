using System.IO.Pipelines;

namespace KestrelSocketServer.Connections;

// Who reads: the first use decides.
internal partial class SocketConnection : IDuplexPipe
{
    PipeReader IDuplexPipe.Input => HasReceived || Settings.Options.FirstByteTimeout is null ? Input : new FirstByteReader(Input, this);

    PipeWriter IDuplexPipe.Output => _takenOutput ??= TakeOutput();

    /// <summary>Whether the run loop reads, and not the handler.</summary>
    internal bool ReadsItself => Style is not (ReadStyle.Chunks or ReadStyle.Stream or ReadStyle.Pipe or ReadStyle.PulledMessages);

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        Claim(ReadStyle.Chunks);
        return ChunkReading.ReadAsync(this, cancellationToken);
    }

    /// <summary>Leaves the reading to who pulls messages; several times, one after the other.</summary>
    internal void PullMessages() => Claim(ReadStyle.PulledMessages);

    public Stream AsStream()
    {
        Claim(ReadStyle.Stream);
        return new ConnectionStream(this);
    }

    public IDuplexPipe AsPipe()
    {
        Claim(ReadStyle.Pipe);
        return this;
    }

    private PipeWriter TakeOutput()
    {
        PipeWriter output = Writer.Take();
        output = Settings.Unsent is null ? output : new TakenOutput(output, Writer);
        return TlsStream is { } stream ? new TlsOutput(output, () => SayGoodbyeAsync(stream)) : output;
    }

    private void Claim(ReadStyle style)
    {
        if (TryClaim(style) is var claimed && claimed != style)
        {
            throw new InvalidOperationException(claimed == ReadStyle.Events
                ? $"Connection {Id} is already read by events: call ReadAllAsync, AsStream or AsPipe inside the handler's task, and do not subscribe to Data."
                : $"Connection {Id} is already read by {Describe(claimed)}; it cannot be read by {Describe(style)} too.");
        }

        if (Cause.WriteFailure is not null)
        {
            // It closes at once now, and no longer waits for what had arrived to be delivered.
            Wake();
        }
    }

    // Returns the style that it has now.
    private ReadStyle TryClaim(ReadStyle style)
    {
        ReadStyle claimed;
        var spin = default(SpinWait);
        while ((claimed = (ReadStyle)Interlocked.CompareExchange(ref _style, (int)style, (int)ReadStyle.None)) == ReadStyle.Peeking)
        {
            // The run loop looks only at what is there, without waiting.
            spin.SpinOnce();
        }

        return claimed == ReadStyle.None ? style : claimed;
    }

    private static string Describe(ReadStyle style) => style switch
    {
        ReadStyle.Chunks => nameof(ReadAllAsync),
        ReadStyle.Stream => nameof(AsStream),
        ReadStyle.Pipe => nameof(AsPipe),
        ReadStyle.Messages => "its message handler",
        ReadStyle.PulledMessages => "ReadMessagesAsync",
        _ => "the Data event",
    };
}
