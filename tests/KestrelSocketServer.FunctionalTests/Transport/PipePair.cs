using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Two pipes of the framework: they show that the tests ask for no more than what a pipe does.</summary>
public sealed class PipePair : DuplexPair
{
    private readonly Pipe _toServer = new(new PipeOptions(useSynchronizationContext: false));
    private readonly Pipe _toPeer = new(new PipeOptions(useSynchronizationContext: false));

    public PipePair()
    {
        Transport = new Ends(_toServer.Reader, _toPeer.Writer);
    }

    public override IDuplexPipe Transport { get; }

    public override Stream Received => _toPeer.Reader.AsStream();

    protected override Stream Sent => _toServer.Writer.AsStream();

    public override void FinishSending() => _toServer.Writer.Complete();

    public override void Leave()
    {
        _toServer.Writer.Complete();
        _toPeer.Reader.Complete();
    }

    public override void Reset()
    {
        _toServer.Writer.Complete(new ConnectionResetException("The peer has gone."));
        _toPeer.Reader.Complete();
    }

    public override ValueTask DisposeAsync()
    {
        Leave();
        Transport.Input.Complete();
        Transport.Output.Complete();
        return ValueTask.CompletedTask;
    }

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
