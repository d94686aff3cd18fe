using System.IO.Pipelines;
using KestrelSocketServer.Diagnostics;

namespace KestrelSocketServer.Connections;

/// <summary>
/// The end of a connection: sends the end of the stream or cuts it off, raises the last events, lingers, and leaves the transport. In the
/// run loop of the connection.
/// </summary>
internal readonly struct ConnectionEnding(SocketConnection connection)
{
    // A value task as the others here, so that the run loop needs one place less for each connection.
    public async ValueTask RunAsync()
    {
        await connection.UnregisterAsync().ConfigureAwait(false);
        if (connection.Cause.WriteFailure is { } writeFailure && !connection.State.IsClosed)
        {
            connection.Cause.AddFault(writeFailure);
        }

        bool graceful = connection.State.Write == WriteState.Flushed && connection.Cause.Fault is null && connection.Cause.ReadFailure is null;
        if (graceful)
        {
            await LookAtPipeAsync().ConfigureAwait(false);
            await CompleteOutputAsync().ConfigureAwait(false);
            await connection.SendCloseNotifyAsync().ConfigureAwait(false);
        }
        else
        {
            await AbortAsync().ConfigureAwait(false);
        }

        connection.OnClosed();
        connection.RaiseClosed();
        await connection.WaitForReaderAsync().ConfigureAwait(false);
        if (graceful && !connection.State.HasPeerEnded && (connection.Style != ReadStyle.Pipe || connection.Tls is not null))
        {
            // Over TLS the peer knows of the end already, so that it can close first.
            await connection.Transport.LingerAsync(DiscardAsync).ConfigureAwait(false);
        }

        await CompleteOutputAsync().ConfigureAwait(false);
        await CompleteInputAsync().ConfigureAwait(false);
        connection.Transport.Release();
    }

    public async Task CompleteOutputAsync()
    {
        try
        {
            await connection.Writer.Output.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // The peer left while the last bytes were on their way: the connection is over in any case.
            connection.Settings.Logger.CompleteFailed(exception, connection.Id);
        }
    }

    private async Task AbortAsync()
    {
        connection.Writer.Abort();
        if (!connection.IsReadingRest)
        {
            if (connection.ClosesInOrder)
            {
                connection.Transport.Close();
            }
            else
            {
                connection.Abort();
            }

            CancelFlush();
            if (!connection.ReadsItself)
            {
                connection.Input.CancelPendingRead();
            }
        }

        while (connection.Writer.IsFlushing)
        {
            await connection.WakeSignal.WaitAsync().ConfigureAwait(false);
        }
    }

    private void CancelFlush()
    {
        try
        {
            connection.Writer.Output.CancelPendingFlush();
        }
        catch (ObjectDisposedException)
        {
            // Over TLS, where it was completed: nothing is flushed any more.
        }
    }

    // Whoever took the pipe has seen for itself how the connection ended; now that it is done with the pipe, others may look.
    private async ValueTask LookAtPipeAsync()
    {
        if (connection.Style != ReadStyle.Pipe)
        {
            return;
        }

        try
        {
            if (!connection.IsHandlerDone || (connection.Tls is null && connection.Transport.HasPeerEnded is not null))
            {
                connection.AddEndOfTransport();
            }
            else
            {
                ValueTask<ReadResult> reading = connection.Input.ReadAsync();
                if (!reading.IsCompleted)
                {
                    // What was seen counts, and not what may still come.
                    connection.Input.CancelPendingRead();
                }

                ReadResult result = await reading.ConfigureAwait(false);
                connection.OnDropped(result.Buffer.Length);
                connection.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    connection.Cause.Add(SocketCloseReason.PeerEnded);
                }
            }
        }
        catch (InvalidOperationException)
        {
            // It has completed the input, or left it in the middle of a read: only the transport can still tell how it ended.
            connection.AddEndOfTransport();
        }
        catch (Exception exception)
        {
            connection.Cause.Add(connection.ReasonOfFailure(exception));
        }

        connection.Cause.Add(SocketCloseReason.LocalEnd);
    }

    private async Task DiscardAsync(CancellationToken cancellationToken)
    {
        PipeReader input = connection.Input;
        ReadResult result;
        do
        {
            result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            connection.OnDropped(result.Buffer.Length);
            input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }

    private async Task CompleteInputAsync()
    {
        try
        {
            await connection.Input.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            connection.Settings.Logger.CompleteFailed(exception, connection.Id);
        }
    }
}
