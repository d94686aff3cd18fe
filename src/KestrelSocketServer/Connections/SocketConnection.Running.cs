using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Connections;

// The run loop of a connection, from its first event to its last. It reads for the data event, and waits where the handler reads.
internal partial class SocketConnection
{
    /// <summary>Runs a connection from its first event to its last; never throws what a handler or the peer did.</summary>
    public static Task RunAsync(ConnectionContext context, ConnectionSettings settings, Func<ISocketConnection, Task> handler)
        => new SocketConnection(context, settings).RunAsync(handler);

    /// <summary>A write has failed, as the connection has, and the handler still reads what had arrived before, while the connection closes.</summary>
    internal bool IsReadingRest => Cause.WriteFailure is not null && !ReadsItself && !State.IsClosed;

    // The same where the run loop reads: that comes first.
    private bool IsDeliveringRest => Cause.WriteFailure is not null && ReadsItself && State.Read == ReadState.Open;

    private bool IsOver => Cause.Fault is not null || Cause.ReadFailure is not null || State.Write switch
    {
        WriteState.Open or WriteState.Ending => false,
        WriteState.Flushed => State.Read != ReadState.Open,
        WriteState.Failed => !IsDeliveringRest,
        _ => true,
    };

    /// <summary>What was read is still in use, so that nothing more can be read.</summary>
    private protected bool HoldsInput { get; set; }

    // What the peer sends after a local end is read and dropped while the rest is flushed: unread input would turn the end
    // of the stream into a reset.
    private bool CanRead => ReadsItself && !HoldsInput && State.Read switch
    {
        ReadState.Open => Style is ReadStyle.Events or ReadStyle.Messages && !_pauses.Any,
        ReadState.Stopped => true,
        _ => false,
    };

    private protected async Task RunAsync(Func<ISocketConnection, Task> handler)
    {
        OnOpened();
        StartHandler(handler);
        try
        {
            RaiseSignals();
            while (!IsOver)
            {
                if (State.Write == WriteState.Flushed && !_endIsSent)
                {
                    await SendEndAsync().ConfigureAwait(false);
                }
                else if (CanRead)
                {
                    Deliver(await Input.ReadAsync().ConfigureAwait(false));
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

        await new ConnectionEnding(this).RunAsync().ConfigureAwait(false);
    }

    private void StartHandler(Func<ISocketConnection, Task> handler)
    {
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
        catch (MessageProtocolException violation)
        {
            // Told in the run loop, as every event, which then goes on as where the handler has completed.
            AddViolation(SocketCloseReason.ProtocolViolation, violation);
            Signal(ViolationSignal);
            return;
        }
        catch (Exception exception)
        {
            if (!IsConsequenceOfClosing(exception))
            {
                OnHandlerFault(exception);
            }
            else if (Style == ReadStyle.Pipe && IsFailureOfTransport(exception))
            {
                Cause.Add(ReasonOfFailure(exception));
            }
        }

        OnHandlerCompleted();
        Wake();
    }

    private void OnHandlerCompleted()
    {
        _isHandlerDone = true;
        if (TryClaim(ReadStyle.Events) is ReadStyle.Events or ReadStyle.Messages)
        {
            return;
        }

        if (Style != ReadStyle.Pipe)
        {
            End();
            return;
        }

        // How it ended is looked for when it is over.
        State.StopReading();
        if (Writer.IsTaken)
        {
            // The handler wrote by itself, and completing the pipe sends what it left.
            OnFlushed();
        }
        else
        {
            EndWriting(default);
        }
    }

    // What a reading handler sees when its connection is gone is no fault of its own.
    private bool IsConsequenceOfClosing(Exception exception) =>
        _isFinished || State.IsClosed || exception is OperationCanceledException || (State.IsReadingStopped && exception is ObjectDisposedException)
        || ReferenceEquals(exception, Cause.ReadFailure) || (Style == ReadStyle.Pipe && IsFailureOfTransport(exception));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAsync()
    {
        if ((ReadsItself || ClosedSource is not null) && HasTransportFailed())
        {
            if (!ReadsItself || (HoldsInput && Transport.Failure is not null))
            {
                // The handler may be busy with something else.
                CancelClosed();
            }
            else if (State.Read == ReadState.Open && !_hasRest && !HoldsInput)
            {
                await PeekAsync().ConfigureAwait(false);
                return;
            }

            if (ReadsItself && IsRestForNobody && Transport.Failure is { } failure)
            {
                Cause.ReadFailure = failure;
                OnReadFailed(failure);
                return;
            }
        }

        await WakeSignal.WaitAsync().ConfigureAwait(false);
    }

    // Over TLS what is decrypted could still be read after an abort, which is not to wait for that. After the peer's end there is nothing to
    // read; of what is still written the flush finds out.
    private bool IsRestForNobody => State.Read switch
    {
        ReadState.Open => IsAborted(),
        ReadState.PeerEnded => State.Write == WriteState.Open,
        _ => false,
    };

    private bool HasTransportFailed()
    {
        if (!_watchesFailure)
        {
            _watchesFailure = true;
            Registrations.Failed = Transport.Failed;
            Registrations.OnFailed = Registrations.Failed.UnsafeRegister(static state => ((SocketConnection)state!).Wake(), this);
        }

        return (ReadsItself && Registrations.Failed.IsCancellationRequested && !Transport.KeepsRest) || Transport.Failure is not null;
    }

    private bool IsAborted()
    {
        CancellationToken aborted = Transport.Aborted;
        if (Registrations.OnAborted == default)
        {
            Registrations.OnAborted = aborted.UnsafeRegister(static state => ((SocketConnection)state!).Wake(), this);
        }

        return aborted.IsCancellationRequested;
    }

    // A failure is reported at once, also while paused, where nothing had arrived before: reading throws it. All else waits for Resume.
    private async ValueTask PeekAsync()
    {
        // A handler that has not begun to read may do so at any time.
        bool isUndecided = Interlocked.CompareExchange(ref _style, (int)ReadStyle.Peeking, (int)ReadStyle.None) == (int)ReadStyle.None;
        if (!ReadsItself)
        {
            return;
        }

        ValueTask<ReadResult> reading;
        try
        {
            reading = Input.ReadAsync();
            if (reading.IsCompleted)
            {
                PutBack(reading.GetAwaiter().GetResult());
                return;
            }
        }
        finally
        {
            if (isUndecided)
            {
                Volatile.Write(ref _style, (int)ReadStyle.None);
            }
        }

        PutBack(await reading.ConfigureAwait(false));
    }

    // Where the rest does not come before the failure, all of it has to be looked at to find out. No more can come than what the transport
    // has already.
    private void PutBack(in ReadResult result)
    {
        SequencePosition start = result.Buffer.Start;
        _hasRest = result.IsCompleted || (Transport.KeepsRest && !result.Buffer.IsEmpty);
        Input.AdvanceTo(start, Transport.KeepsRest || result.IsCanceled ? start : result.Buffer.End);
    }

    private void Deliver(in ReadResult result)
    {
        ReadOnlySequence<byte> buffer = result.Buffer;
        SequencePosition consumed = buffer.End;
        SequencePosition examined = consumed;
        _hasRest = false;
        if (State.IsReadingStopped)
        {
            OnDropped(buffer.Length);
            if (result.IsCompleted)
            {
                State.OnPeerEnded();
            }
        }
        else if (!buffer.IsEmpty || result.IsCompleted)
        {
            EnterEvent();
            try
            {
                DeliverInput(buffer, result.IsCompleted, ref consumed, ref examined);
                if (result.IsCompleted && CanDeliver && !HoldsInput)
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

        if (!HoldsInput)
        {
            Input.AdvanceTo(consumed, examined);
        }
    }

    private protected bool CanDeliver => !State.IsReadingStopped && !_pauses.Any;

    /// <summary>Gives what was read to the handler: here chunk by chunk.</summary>
    /// <param name="buffer">What was read.</param>
    /// <param name="isCompleted">Whether it is the last.</param>
    /// <param name="consumed">Set to where the next read begins.</param>
    /// <param name="examined">Set to what the next read needs more than.</param>
    private protected virtual void DeliverInput(
        in ReadOnlySequence<byte> buffer, bool isCompleted, ref SequencePosition consumed, ref SequencePosition examined)
    {
        SequencePosition delivered = buffer.Start;
        SequencePosition next = delivered;
        while (CanDeliver && buffer.TryGet(ref next, out ReadOnlyMemory<byte> chunk))
        {
            if (!chunk.IsEmpty)
            {
                HasReceived = true;
                _events.Data?.Invoke(chunk.Span);
            }

            delivered = next.GetObject() is null ? buffer.End : next;
        }

        consumed = examined = delivered;
    }

    private void OnPeerEnded()
    {
        State.OnPeerEnded();
        if (IsTruncated())
        {
            Cause.Add(SocketCloseReason.TransportFault);
            Cause.AddFault(TruncationError());
            return;
        }

        Cause.Add(SocketCloseReason.PeerEnded);
        _events.Ended?.Invoke();
        if (!Settings.Options.AllowHalfOpen)
        {
            End();
        }
    }

    // The end of what is sent, while reading goes on.
    private async ValueTask SendEndAsync()
    {
        _endIsSent = true;
        await new ConnectionEnding(this).CompleteOutputAsync().ConfigureAwait(false);
        if (TlsStream is { } stream)
        {
            // It waits for a peer that does not read; the run loop must not.
            _ = SayGoodbyeAsync(stream);
        }
    }
}
