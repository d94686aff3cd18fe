using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Connections;

/// <summary>What the styles have in common in which the handler reads: when it is over, and why.</summary>
internal readonly struct PullReading(SocketConnection connection)
{
    public bool IsOver => connection.State.IsReadingStopped || (connection.IsFinished && !connection.IsReadingRest);

    public bool IsData(in ReadResult result)
    {
        bool isData = !result.Buffer.IsEmpty && !IsOver;
        connection.HasReceived |= isData;
        return isData;
    }

    /// <summary>Drops what was read; returns whether the stream is at its end, the peer's or a local one.</summary>
    public bool SkipToEnd(in ReadResult result)
    {
        bool endedHere = IsOver;
        connection.OnDropped(result.Buffer.Length);
        connection.Input.AdvanceTo(result.Buffer.End);
        if (result.IsCompleted)
        {
            connection.State.OnPeerEnded();
            if (!endedHere && connection.IsTruncated())
            {
                IOException truncation = connection.TruncationError();
                connection.Cause.ReadFailure = truncation;
                connection.OnReadFailed(truncation);
                throw truncation;
            }

            if (!endedHere)
            {
                connection.Cause.Add(SocketCloseReason.PeerEnded);
            }
        }

        return endedHere || result.IsCompleted;
    }

    /// <summary>Whether a read ended because the connection did, as asked for. Any other failure is noted here and reaches the reader.</summary>
    public bool IsEnd(Exception exception)
    {
        if (connection.State.IsReadingStopped)
        {
            return true;
        }

        if (exception is ConnectionAbortedException or not OperationCanceledException)
        {
            connection.Cause.ReadFailure = exception;
            connection.OnReadFailed(exception);
            connection.Wake();
        }

        return false;
    }
}
