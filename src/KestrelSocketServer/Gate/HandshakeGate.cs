namespace KestrelSocketServer.Gate;

/// <summary>Lets so many TLS handshakes of an endpoint be under way; further ones have their turns in the order in which they came.</summary>
internal sealed class HandshakeGate
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private int _limit = int.MaxValue;
    private int _count;

    /// <summary>Waits for a turn, which is to be given back by <see cref="Leave"/>.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled before; there is nothing to give back.</exception>
    public ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_count < _limit)
            {
                _count++;
                return ValueTask.CompletedTask;
            }
        }

        return WaitAsync(cancellationToken);
    }

    /// <summary>A handshake is over.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _count--;
            Admit();
        }
    }

    /// <summary>Changes how many may be under way. Those that are stay.</summary>
    public void SetLimit(int limit)
    {
        lock (_lock)
        {
            _limit = limit;
            Admit();
        }
    }

    private async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        var turn = new LinkedListNode<TaskCompletionSource>(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_lock)
        {
            _waiting.AddLast(turn);
            Admit();
        }

        using (cancellationToken.UnsafeRegister(_ => Cancel(turn, cancellationToken), null))
        {
            await turn.Value.Task.ConfigureAwait(false);
        }
    }

    private void Cancel(LinkedListNode<TaskCompletionSource> turn, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (turn.List is not null)
            {
                _waiting.Remove(turn);
                turn.Value.SetCanceled(cancellationToken);
            }
        }
    }

    private void Admit()
    {
        while (_count < _limit && _waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            _count++;
            first.Value.SetResult();
        }
    }
}
