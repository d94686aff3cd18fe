using KestrelSocketServer.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Gate;

/// <summary>Tells the log and the error event of refused clients: of each reason at once, and then once in ten seconds, with their number.</summary>
/// <param name="endpoint">The endpoint's name, null where it has none.</param>
/// <param name="logger">The log.</param>
/// <param name="timeProvider">The clock.</param>
/// <param name="raiseError">The error event, null where there is none.</param>
internal sealed class RefusalLog(string? endpoint, ILogger logger, TimeProvider timeProvider, Action<SocketServerError>? raiseError)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Reason?[] _reasons = new Reason?[2 * RefusalReasons.Count];

    /// <summary>A client was refused, or would be.</summary>
    public void Add(RefusalReason reason, bool isDryRun, AddressKey? client)
    {
        ref Reason? known = ref _reasons[RefusalReasons.IndexOf(reason, isDryRun)];
        if (known is null)
        {
            Interlocked.CompareExchange(ref known, new Reason(this, RefusalReasons.OptionOf(reason), isDryRun), null);
        }

        known.Add(client);
    }

    private void Report(string option, bool isDryRun, int count, AddressKey? last)
    {
        string from = last?.ToString() ?? "unknown";
        if (isDryRun)
        {
            logger.WouldRefuse(endpoint, option, count, from);
            return;
        }

        logger.Refused(endpoint, option, count, from);
        raiseError?.Invoke(new SocketServerError(
            SocketServerErrorStage.Refused,
            new ConnectionAbortedException($"Clients were refused by {option}: {count} since this was last told, the last one from {from}.")));
    }

    private sealed class Reason(RefusalLog log, string option, bool isDryRun) : IThreadPoolWorkItem
    {
        private readonly Lock _lock = new();
        private AddressKey? _last;
        private ITimer? _timer;
        private int _count;
        private bool _isTold;

        public void Add(AddressKey? client)
        {
            lock (_lock)
            {
                _count++;
                _last = client;
                if (_isTold)
                {
                    return;
                }

                _isTold = true;
            }

            // Not on the thread that accepts. The pool keeps it even where it throws, as it has no thread.
            try
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }
            catch (OutOfMemoryException)
            {
            }
        }

        // On the thread pool, also by the timer.
        public void Execute()
        {
            int count;
            AddressKey? last;
            lock (_lock)
            {
                count = _count;
                last = _last;
                _count = 0;
                _isTold = count > 0;
                if (count > 0)
                {
                    _timer ??= log.CreateTimer(this);
                    _timer.Change(Interval, Timeout.InfiniteTimeSpan);
                }
            }

            if (count > 0)
            {
                log.Report(option, isDryRun, count, last);
            }
        }
    }

    private ITimer CreateTimer(Reason reason)
        => timeProvider.CreateTimer(static reason => ((Reason)reason!).Execute(), reason, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
}
