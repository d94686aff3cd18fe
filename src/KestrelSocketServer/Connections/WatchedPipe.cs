using System.IO.Pipelines;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Connections;

/// <summary>Tells whether a transport is used that does not tell it by itself.</summary>
internal sealed class WatchedPipe(IDuplexPipe transport) : IDuplexPipe
{
    private readonly WatchedInput _input = new(transport.Input);
    private readonly WatchedOutput _output = new(transport.Output);

    public PipeReader Input => _input;

    public PipeWriter Output => _output;

    /// <summary>Whether the output was completed.</summary>
    public bool IsOutputCompleted => _output.IsCompleted;

    public Activity TakeActivity() => _input.TakeActivity() | _output.TakeActivity();
}
