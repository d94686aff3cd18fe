using KestrelSocketServer.Diagnostics;

namespace KestrelSocketServer.Connections;

// The peer broke the protocol of its messages. Other than any other failure, this one leaves a connection that can still be written to.
internal partial class SocketConnection
{
    private MessageProtocolException? Violation => Volatile.Read(ref _registrations)?.Violation;

    /// <summary>
    /// The peer broke the protocol: told at once, so that a farewell can be written, and then the connection ends. In the run loop.
    /// </summary>
    private protected void OnViolation(SocketCloseReason reason, MessageProtocolException violation)
    {
        AddViolation(reason, violation);
        RaiseViolation();
    }

    /// <summary>The same where the handler reads: it is thrown there, and told when the handler lets it through or has returned.</summary>
    internal void AddViolation(SocketCloseReason reason, MessageProtocolException violation)
    {
        if (Interlocked.CompareExchange(ref Registrations.Violation, violation, null) is null)
        {
            Cause.Add(reason);
            Settings.Logger.ProtocolViolated(Id, Settings.Endpoint?.Name, violation.Message);
        }
    }

    private void RaiseViolation()
    {
        if (!IsOver)
        {
            // Known in the error event.
            Cause.Settle();
            bool isInEvent = IsEventThread;
            if (!isInEvent)
            {
                EnterEvent();
            }

            RaiseError();
            if (!isInEvent)
            {
                ExitEvent();
            }
        }

        if (ReadsItself)
        {
            End();
        }
        else
        {
            OnHandlerCompleted();
        }
    }

    // At most once. An exception in it is logged, there is nobody left to tell.
    private void RaiseError()
    {
        if (ReportedError is not { } error || _isErrorRaised)
        {
            return;
        }

        _isErrorRaised = true;
        try
        {
            _events.Error?.Invoke(error);
        }
        catch (Exception exception)
        {
            Settings.Logger.HandlerFault(exception, Id);
        }
    }
}
