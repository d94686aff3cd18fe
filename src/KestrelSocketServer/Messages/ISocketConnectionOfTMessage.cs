namespace KestrelSocketServer;

/// <summary>
/// A connection whose handler sees messages, and never bytes: of an endpoint with an <see cref="IMessageProtocol{TMessage}"/>. It is read
/// by its message handler alone; all else is as on any <see cref="ISocketConnection"/>.
/// </summary>
/// <typeparam name="TMessage">The message.</typeparam>
/// <remarks>
/// It is also what <see cref="ISocketServer.Connections"/> holds, for messages to all of them. The writes of <see
/// cref="ISocketConnection"/> send bytes as they are, without a frame, whole and in order with the messages.
/// </remarks>
public interface ISocketConnection<TMessage> : ISocketConnection
{
    /// <summary>
    /// Queues <paramref name="message"/>, whole and in order, from any thread, written by the protocol straight into the buffer of the
    /// connection (row M5). Otherwise as <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/>.
    /// </summary>
    /// <param name="message">The message; not used after the call.</param>
    /// <returns>As <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/>; what it costs to ignore it is said there.</returns>
    /// <exception cref="ArgumentException">The message cannot be written by the protocol; nothing of it was.</exception>
    bool Write(TMessage message);

    /// <summary>
    /// Queues <paramref name="message"/> as <see cref="Write(TMessage)"/> does, and completes when the unsent data is below
    /// <see cref="SocketConnectionOptions.WriteBufferSoftLimit"/>.
    /// </summary>
    /// <param name="message">The message; not used after the call, though its task may still run.</param>
    /// <param name="cancellationToken">Ends the wait, not the write.</param>
    /// <returns>False when the connection can no longer be written to.</returns>
    ValueTask<bool> WriteAsync(TMessage message, CancellationToken cancellationToken = default);
}
