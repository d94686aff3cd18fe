namespace KestrelSocketServer.Servers;

/// <summary>Asks the connections of some servers to end, and waits until they have: for a drain from code, and for the shutdown.</summary>
internal sealed class ConnectionDrain(IReadOnlyList<SocketServer> servers, SocketDrainOptions options, TimeProvider timeProvider)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestStep = TimeSpan.FromMilliseconds(10);

    // What tells each connection, with the share of the spread at which it is due.
    private (Action Tell, double Due)[] _requests = [];
    private TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _requested;

    /// <summary>How many connections there are.</summary>
    public int Left => servers.Sum(static server => server.ConnectionCount);

    /// <summary>Stops listening at once, and returns how many connections are left when no more than allowed are, or the time is up.</summary>
    /// <param name="log">Logs how many are left after which time, once a second.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<int> RunAsync(Action<int, TimeSpan> log, CancellationToken cancellationToken)
    {
        long start = timeProvider.GetTimestamp();
        TimeSpan nextProgress = ProgressInterval;
        foreach (SocketServer server in servers)
        {
            server.ConnectionGone += OnGone;
        }

        try
        {
            // A connection may be there twice, as what its handler sees and as what middleware does: both are told at about the same time.
            _requests = [.. servers.SelectMany(static server => server.BeginStopping())
                .SelectMany(static group => group.Select((tell, i) => (Tell: tell, Due: (double)i / group.Count)))
                .OrderBy(static request => request.Due)];

            while (true)
            {
                // Before the look: who goes after it ends the wait.
                var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Volatile.Write(ref _gone, gone);
                Interlocked.MemoryBarrier();
                TimeSpan passed = timeProvider.GetElapsedTime(start);
                Request(passed);
                int left = Left;
                if (IsEnough(left) || (passed >= options.Timeout && options.Timeout != Timeout.InfiniteTimeSpan))
                {
                    options.Progress?.Report(left);
                    return left;
                }

                if (passed >= nextProgress)
                {
                    nextProgress = passed + ProgressInterval;
                    log(left, passed);
                    options.Progress?.Report(left);
                }

                cancellationToken.ThrowIfCancellationRequested();
                await WaitAsync(gone.Task, Next(passed, nextProgress), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (SocketServer server in servers)
            {
                server.ConnectionGone -= OnGone;
            }
        }
    }

    // None at all only when none can come any more: one may be accepted at the moment when the endpoint is closed.
    private bool IsEnough(int left) => left <= options.Remaining && (left > 0 || servers.All(static server => server.HasEnded));

    private void Request(TimeSpan passed)
    {
        double due = passed >= options.Spread ? 1 : passed / options.Spread;
        while (_requested < _requests.Length && _requests[_requested].Due <= due)
        {
            _requests[_requested++].Tell();
        }
    }

    private TimeSpan Next(TimeSpan passed, TimeSpan nextProgress)
    {
        TimeSpan next = nextProgress - passed;
        if (options.Timeout != Timeout.InfiniteTimeSpan && options.Timeout - passed < next)
        {
            next = options.Timeout - passed;
        }

        if (_requested < _requests.Length)
        {
            TimeSpan step = (options.Spread * _requests[_requested].Due) - passed;
            step = step < ShortestStep ? ShortestStep : step;
            next = step < next ? step : next;
        }

        return next;
    }

    private async Task WaitAsync(Task gone, TimeSpan time, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(gone, Task.Delay(time, timeProvider, over.Token)).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
    }

    private void OnGone() => Volatile.Read(ref _gone).TrySetResult();
}
