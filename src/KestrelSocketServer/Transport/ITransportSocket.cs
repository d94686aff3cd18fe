using System.Net.Sockets;

namespace KestrelSocketServer.Transport;

/// <summary>A connected socket whose calls never wait. Each driver has its own.</summary>
internal interface ITransportSocket
{
    /// <summary>The connection that is told when the socket is ready; set once, before anything else is called.</summary>
    TransportConnection Connection { get; set; }

    /// <summary>The socket as .NET's own; it lives as long as the connection.</summary>
    Socket Socket { get; }

    /// <summary>Receives what is there. Zero without an error is the end of the stream.</summary>
    int Receive(Span<byte> buffer, out SocketError error);

    /// <summary>Sends what the system takes.</summary>
    int Send(ReadOnlySpan<byte> data, out SocketError error);

    /// <summary>Sends what the system takes of some segments, in one call.</summary>
    int Send(PooledSegment first, out SocketError error);

    /// <summary>
    /// Calls <see cref="SocketInput.OnReadable"/> once something can be received, unless that is known already.
    /// </summary>
    /// <returns>Whether receiving is worth a try at once; nothing is called then.</returns>
    bool WaitReadable();

    /// <summary>Calls <see cref="SocketOutput.OnSent"/> once more can be sent, or some of the data was.</summary>
    /// <param name="next">The data to send next; it stays as it is until the call.</param>
    void WaitWritable(ReadOnlyMemory<byte> next);

    /// <summary>Tells <see cref="TransportConnection.OnPeerEnded"/> also when nobody reads.</summary>
    void WatchPeerEnd();

    /// <summary>Tells <see cref="TransportConnection.OnFailed(SocketError)"/> also when nobody reads.</summary>
    void WatchFailure();

    /// <summary>Runs something where the connection's work runs: never inside the call.</summary>
    void Schedule(IThreadPoolWorkItem item);

    /// <summary>Whether the caller holds up other connections, and has done so since the last call.</summary>
    /// <param name="turn">Kept by the caller from call to call.</param>
    bool IsSameTurn(ref long turn);

    /// <summary>Sends the end of the stream after what was sent.</summary>
    void ShutdownSend();

    /// <summary>Gives the socket back to the system, once.</summary>
    /// <param name="reset">Whether the peer is told that the connection failed.</param>
    void Close(bool reset);

    /// <summary>Whether something was received that nobody has read yet. False once it is closed.</summary>
    bool HasUnread { get; }

    /// <summary>How many bytes the peer has not acknowledged; zero where the system does not tell.</summary>
    int CountUnacknowledged();
}
