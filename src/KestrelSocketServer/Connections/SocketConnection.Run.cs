using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelSocketServer;

internal sealed partial class SocketConnection
{
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    /// <summary>Runs a connection from its first event to its last; never throws what a handler or the peer did.</summary>
    public static Task RunAsync(ConnectionContext context, ConnectionSettings settings, Func<ISocketConnection, Task> handler)
        => new SocketConnection(context, settings).RunAsync(handler);

    private bool IsOver => _closeCalled || _fault is not null || _readFailure is not null || (_flushed && !IsDeliveringRest);

    // A write has failed, as the connection has: what had arrived before comes first.
    private bool IsDeliveringRest => Volatile.Read(ref _writeFailure) is not null && _style == ReadStyle.Events && !(_peerEnded || _endCalled);

    // The same where the handler reads: it goes on while the connection closes.
    private bool IsReadingRest => Volatile.Read(ref _writeFailure) is not null && _style != ReadStyle.Events && !_closeCalled;

    // What the peer sends after a local end is read and dropped while the rest is flushed: unread input would turn the end
    // of the stream into a reset.
    private bool CanRead => _style == ReadStyle.Events && !_peerEnded && (_endCalled || !(_paused || _held));

    private async Task RunAsync(Func<ISocketConnection, Task> handler)
    {
        OnOpened();
        if (_control is { RunsElsewhere: true })
        {
            await ConnectionStart.WaitAsync(_control).ConfigureAwait(false);
        }

        StartHandler(handler);
        try
        {
            RaiseSignals();
            while (!IsOver)
            {
                if (CanRead)
                {
                    Deliver(await _input.ReadAsync().ConfigureAwait(false));
                }
                else
                {
                    await WaitAsync().ConfigureAwait(false);
                }

                RaiseSignals();
            }
        }
        catch (Exception exception)
        {
            OnReadFailed(exception);
        }

        await FinishAsync().ConfigureAwait(false);
    }

    private void StartHandler(Func<ISocketConnection, Task> handler)
    {
        // Held until the handler's task completes or somebody subscribes to the data: nothing is lost before an await.
        _held = true;
        Task handling = RaiseConnection(handler);
        if (handling.IsCompletedSuccessfully)
        {
            OnHandlerCompleted();
        }
        else
        {
            _handling = ObserveAsync(handling);
        }
    }

    private async Task ObserveAsync(Task handling)
    {
        try
        {
            await handling.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            if (!IsConsequenceOfClosing(exception))
            {
                OnHandlerFault(exception);
            }
            else if (_style == ReadStyle.Pipe && IsFailureOfTransport(exception))
            {
                _cause.Add(ReasonOfFailure(exception));
            }
        }

        OnHandlerCompleted();
        Wake();
    }

    private void OnHandlerCompleted()
    {
        _held = false;
        if (_style == ReadStyle.Pipe)
        {
            // The handler wrote by itself, and completing the pipe sends what it left.
            _endCalled = true;
            OnFlushed();
        }
        else if (_style != ReadStyle.Events)
        {
            End();
        }
    }

    // What a reading handler sees when its connection is gone is no fault of its own.
    private bool IsConsequenceOfClosing(Exception exception) =>
        _finished || _closeCalled || exception is OperationCanceledException || (_endCalled && exception is ObjectDisposedException) || ReferenceEquals(exception, _readFailure)
        || (_style == ReadStyle.Pipe && IsFailureOfTransport(exception));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAsync()
    {
        if (_control is not null)
        {
            await WaitAsync(_control).ConfigureAwait(false);
            return;
        }

        if (!_watchesTransport)
        {
            _watchesTransport = true;
            Watches.TransportClosed = _context.ConnectionClosed.UnsafeRegister(static state => ((SocketConnection)state!).Wake(), this);
        }

        if (_style == ReadStyle.Events && !_peerEnded && !_inputIsWhole && _context.ConnectionClosed.IsCancellationRequested)
        {
            await LookForResetAsync().ConfigureAwait(false);
        }
        else
        {
            await WakeSignal.WaitAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask WaitAsync(IConnectionControl control)
    {
        if (_style == ReadStyle.Events)
        {
            if (!_watchesTransport)
            {
                _watchesTransport = true;
                Watches.TransportClosed = control.Failed.UnsafeRegister(static state => ((SocketConnection)state!).Wake(), this);
            }

            // After a local end the flush finds out.
            if (!_endCalled && control.Failure is { } failure && !(_hasRest && WatchAbort(control)))
            {
                if (_peerEnded)
                {
                    _readFailure = failure;
                    OnReadFailed(failure);
                }
                else
                {
                    await LookForRestAsync().ConfigureAwait(false);
                }

                return;
            }
        }

        await WakeSignal.WaitAsync().ConfigureAwait(false);
    }

    // A failure is reported at once, also while paused, where nothing had arrived before: reading throws it. All else waits for Resume.
    private async ValueTask LookForRestAsync()
    {
        ValueTask<ReadResult> reading;

        // A handler that has not begun to read may do so at any time. Reading does not wait, as no more can arrive.
        lock (_writer)
        {
            if (_style != ReadStyle.Events)
            {
                return;
            }

            reading = _input.ReadAsync();
            if (reading.IsCompleted)
            {
                PutBack(reading.GetAwaiter().GetResult());
                return;
            }
        }

        PutBack(await reading.ConfigureAwait(false));
    }

    // Returns whether it is not aborted yet.
    private bool WatchAbort(IConnectionControl control)
    {
        CancellationToken aborted = control.Aborted;
        if (Watches.TransportAborted == default)
        {
            Watches.TransportAborted = aborted.UnsafeRegister(static state => ((SocketConnection)state!).Wake(), this);
        }

        return !aborted.IsCancellationRequested;
    }

    private void PutBack(in ReadResult result)
    {
        _hasRest = result.IsCompleted || !result.Buffer.IsEmpty;
        _input.AdvanceTo(result.Buffer.Start);
    }

    // On other transports a reset is reported at once, also while paused: reading throws it. All else waits for Resume. No more can come than what the
    // transport has already, so that looking at all of it costs no more memory.
    private async ValueTask LookForResetAsync()
    {
        ReadResult result = await _input.ReadAsync().ConfigureAwait(false);
        _inputIsWhole = result.IsCompleted;
        _input.AdvanceTo(result.Buffer.Start, result.IsCanceled ? result.Buffer.Start : result.Buffer.End);
    }

    private void Deliver(in ReadResult result)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        SequencePosition consumed = buffer.End;
        _hasRest = false;
        if (!_endCalled && (!buffer.IsEmpty || result.IsCompleted))
        {
            EnterEvent();
            try
            {
                consumed = DeliverData(buffer);
                if (result.IsCompleted && !_paused && !_endCalled && !_closeCalled)
                {
                    OnPeerEnded();
                }
            }
            catch (Exception exception)
            {
                OnHandlerFault(exception);
            }
            finally
            {
                ExitEvent();
            }
        }
        else
        {
            OnDropped(buffer.Length);
            _peerEnded |= result.IsCompleted;
        }

        _input.AdvanceTo(consumed);
    }

    private SequencePosition DeliverData(in ReadOnlySequence<byte> buffer)
    {
        SequencePosition consumed = buffer.Start;
        SequencePosition next = consumed;
        while (!_paused && !_endCalled && !_closeCalled && buffer.TryGet(ref next, out ReadOnlyMemory<byte> chunk))
        {
            if (!chunk.IsEmpty)
            {
                _data?.Invoke(chunk.Span);
            }

            consumed = next.GetObject() is null ? buffer.End : next;
        }

        return consumed;
    }

    private void OnPeerEnded()
    {
        _peerEnded = true;
        if (OnEndOfStream())
        {
            _cause.Add(SocketCloseReason.TransportFault);
            _ = Interlocked.CompareExchange(ref _fault, TruncationError(), null);
            return;
        }

        _cause.Add(SocketCloseReason.PeerEnded);
        _endedEvent?.Invoke();
        if (!_settings.Options.AllowHalfOpen)
        {
            End();
        }
    }

    private void OnReadFailed(Exception exception)
    {
        SocketCloseReason reason = ReasonOfFailure(exception);
        _cause.Add(reason);
        bool harmless = exception is OperationCanceledException or ObjectDisposedException || reason == SocketCloseReason.Shutdown
            || (reason == SocketCloseReason.PeerReset && !_writer.HasUnsent);
        if (!_closeCalled && !harmless)
        {
            _ = Interlocked.CompareExchange(ref _fault, _writeFailure ?? exception, null);
        }
    }

    // A value task as the others here, so that the flow needs one place less for each connection.
    private async ValueTask FinishAsync()
    {
        if (_watches is not null)
        {
            await _watches.DisposeAsync().ConfigureAwait(false);
        }

        if (_writeFailure is { } writeFailure && !_closeCalled)
        {
            _ = Interlocked.CompareExchange(ref _fault, writeFailure, null);
        }

        bool graceful = _flushed && _fault is null && _readFailure is null && !_closeCalled;
        if (graceful && _style == ReadStyle.Pipe)
        {
            await LookAtPipeAsync().ConfigureAwait(false);
        }

        if (graceful)
        {
            await CompleteAsync(_output).ConfigureAwait(false);
            await SendCloseNotifyAsync().ConfigureAwait(false);
        }
        else
        {
            await AbortAsync().ConfigureAwait(false);
        }

        _closedLocally |= _endedLocally;
        OnClosed();
        RaiseClosed();

        if (_handling is not null && _style != ReadStyle.Events)
        {
            // The handler may still hold the pipe.
            await _handling.ConfigureAwait(false);
        }

        if (graceful)
        {
            await LingerAsync().ConfigureAwait(false);
        }

        await CompleteAsync(_output).ConfigureAwait(false);
        await CompleteAsync(_input).ConfigureAwait(false);
        if (_control is null && DiscardedBytes > 0)
        {
            _settings.Logger.InputDiscarded(Id, _settings.Server?.Name, DiscardedBytes);
        }
    }

    private async Task AbortAsync()
    {
        _writer.Abort();
        if (IsReadingRest)
        {
            await WaitForWriterAsync().ConfigureAwait(false);
            return;
        }

        bool orderly = _closeCalled || _cause.HasFailedBy(SocketCloseReason.Idle);
        if (orderly && _control is not null)
        {
            _control.Close();
        }
        else
        {
            if (orderly)
            {
                CloseSocket();
            }

            Abort();
        }

        _output.CancelPendingFlush();
        if (_style != ReadStyle.Events)
        {
            _input.CancelPendingRead();
        }

        await WaitForWriterAsync().ConfigureAwait(false);
    }

    private async ValueTask WaitForWriterAsync()
    {
        while (_writer.IsFlushing)
        {
            await WakeSignal.WaitAsync().ConfigureAwait(false);
        }
    }

    // Kestrel's transport answers an abort with a reset: right for a fault, but a close of the application's own is an orderly
    // end of the stream (row C16).
    private void CloseSocket()
    {
        if (_context.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
        {
            return;
        }

        try
        {
            // Before the close, which is a reset where input is left unread.
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The peer was faster.
        }

        socket.Dispose();
    }

    private void Abort() => _context.Abort(new ConnectionAbortedException("The connection was closed by the application."));

    // A transport other than ours may close both directions at once, and so would answer what the peer is still sending with a reset, which may
    // destroy what was sent to it. Over TLS the peer knows of the end already, so that it can close first. Ours lingers by itself, but what
    // it drops below TLS tells nothing of what the peer has sent.
    private async Task LingerAsync()
    {
        if (_peerEnded)
        {
            return;
        }

        if (_control is not null)
        {
            if (Tls is not null)
            {
                await _control.LingerAsync(DiscardAsync).ConfigureAwait(false);
            }

            return;
        }

        if (_style == ReadStyle.Pipe)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(LingerTime, _settings.TimeProvider);
        try
        {
            await DiscardAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // Either the time is up or the transport is gone: the connection is over in both cases.
        }
    }

    private async Task DiscardAsync(CancellationToken cancellationToken)
    {
        ReadResult result;
        do
        {
            result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
            OnDropped(result.Buffer.Length);
            _input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }

    private async Task CompleteAsync(PipeWriter output)
    {
        try
        {
            await output.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // The peer left while the last bytes were on their way: the connection is over in any case.
            _settings.Logger.CompleteFailed(exception, Id);
        }
    }

    private async Task CompleteAsync(PipeReader input)
    {
        try
        {
            await input.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _settings.Logger.CompleteFailed(exception, Id);
        }
    }
}
