using System.Text.RegularExpressions;

namespace KestrelSocketServer.FunctionalTests.Connections;

public enum ScriptStepKind
{
    Send,
    Write,
    Pause,
    Resume,
    PeerEnd,
    PeerReset,
    End,
    Close,
    ThrowInData,
    ThrowInEnd,
    PauseInData,
    Yield,
}

public sealed record ScriptStep(ScriptStepKind Kind, int Size)
{
    public override string ToString() => Kind is ScriptStepKind.Send or ScriptStepKind.Write ? $"{Kind}({Size})" : Kind.ToString();
}

/// <summary>Runs steps against a connection and checks what came of them.</summary>
internal sealed partial class EventScript(ScriptStep[] steps)
{
    private readonly TaskCompletionSource<EventRecorder> _recorded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<byte> _sent = [];
    private readonly List<byte> _written = [];
    private int _sentBeforeEnd = -1;
    private int _writtenBeforeEnd = -1;
    private volatile bool _throwInData;
    private volatile bool _throwInEnd;
    private volatile bool _pauseInData;

    public void Attach(ISocketConnection connection)
    {
        var events = new EventRecorder(connection);
        connection.Data += _ =>
        {
            if (_throwInData)
            {
                throw new InvalidOperationException("in data");
            }

            if (_pauseInData)
            {
                connection.Pause();
                ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Resume(), connection, preferLocal: false);
            }
        };
        connection.Ended += () =>
        {
            if (_throwInEnd)
            {
                throw new InvalidOperationException("in end");
            }
        };
        _recorded.SetResult(events);
    }

    public async Task RunAsync(IScriptClient client)
    {
        EventRecorder events = await _recorded.Task.Soon();
        Task<byte[]> receiving = client.ReceiveWhatComesAsync();
        foreach (ScriptStep step in steps)
        {
            await DoAsync(step, client, events.Connection);
        }

        // Whatever the steps were, the connection comes to its end now.
        _pauseInData = false;
        events.Connection.Resume();
        MarkEnd();
        await client.EndAsync();
        await events.Closed;
        byte[] received = await receiving.Soon();
        await client.DisposeAsync();
        Check(events, received);
    }

    private async Task DoAsync(ScriptStep step, IScriptClient client, ISocketConnection connection)
    {
        switch (step.Kind)
        {
            case ScriptStepKind.Send:
                byte[] sent = Bytes(step.Size, _sent.Count);
                _sent.AddRange(sent);
                await client.SendAsync(sent);
                break;
            case ScriptStepKind.Write:
                byte[] written = Bytes(step.Size, _written.Count);
                _written.AddRange(written);
                connection.Write(written);
                break;
            case ScriptStepKind.Pause:
                connection.Pause();
                break;
            case ScriptStepKind.Resume:
                connection.Resume();
                break;
            case ScriptStepKind.PeerEnd:
                MarkEnd();
                await client.EndAsync();
                break;
            case ScriptStepKind.PeerReset:
                client.Reset();
                break;
            case ScriptStepKind.End:
                connection.End();
                break;
            case ScriptStepKind.Close:
                connection.Close();
                break;
            case ScriptStepKind.ThrowInData:
                _throwInData = true;
                break;
            case ScriptStepKind.ThrowInEnd:
                _throwInEnd = true;
                break;
            case ScriptStepKind.PauseInData:
                _pauseInData = !_pauseInData;
                break;
            default:
                await Task.Yield();
                break;
        }
    }

    private void MarkEnd()
    {
        if (_sentBeforeEnd < 0)
        {
            _sentBeforeEnd = _sent.Count;
            _writtenBeforeEnd = _written.Count;
        }
    }

    private void Check(EventRecorder events, byte[] received)
    {
        string order = string.Join(' ', events.Events.Where(name => name != "drain"));
        Assert.Matches(Order(), order);
        Assert.Equal(0, events.Overlaps);
        Assert.Equal(0, events.EmptyChunks);
        Assert.Equal(_sent.Take(events.Received.Length), events.Received);
        Assert.Equal(_written.Take(received.Length), received);
        if (steps.Any(step => step.Kind is ScriptStepKind.End or ScriptStepKind.Close or ScriptStepKind.PeerReset or ScriptStepKind.ThrowInData or ScriptStepKind.ThrowInEnd))
        {
            return;
        }

        Assert.Equal(_sentBeforeEnd, events.Received.Length);
        Assert.InRange(received.Length, _writtenBeforeEnd, _written.Count);
        Assert.EndsWith("end close", order, StringComparison.Ordinal);
    }

    private static byte[] Bytes(int size, int offset) => [.. Enumerable.Range(offset, size).Select(value => (byte)(value * 31 >> 3))];

    [GeneratedRegex("^(data )?(end )?(error )?close$")]
    private static partial Regex Order();
}
