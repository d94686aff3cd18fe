using KestrelSocketServer.Connections;
using KestrelSocketServer.Messages;

namespace KestrelSocketServer;

/// <summary>Messages in a flow of one's own, where the endpoint has no protocol for all of its connections.</summary>
public static class MessageConnectionExtensions
{
    /// <summary>
    /// Reads the connection message by message; ends when the peer has finished sending or the connection is closed here. It leaves
    /// <see cref="Write"/>, and every other way to write, to any thread. When the handler's task completes, the connection ends as by
    /// <see cref="ISocketConnection.End()"/>.
    /// </summary>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="connection">The connection.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="cancellationToken">Cancels the wait for a message.</param>
    /// <returns>
    /// The messages. What refers to the bytes that it was read from is valid until the next one is asked for. Who leaves the loop may go on
    /// with another protocol: what was not read is still there.
    /// </returns>
    /// <exception cref="ArgumentException">The connection is an implementation of somebody else's.</exception>
    /// <exception cref="InvalidOperationException">The connection is already read in another style.</exception>
    /// <exception cref="MessageProtocolException">
    /// Thrown by the enumeration: the peer broke the protocol, left in the middle of a message, or was late. Who catches it can still write
    /// a farewell before the handler returns; the reason of the end is the violation in either case.
    /// </exception>
    /// <exception cref="IOException">Thrown by the enumeration: the connection was reset or failed.</exception>
    public static IAsyncEnumerable<TMessage> ReadMessagesAsync<TMessage>(
        this ISocketConnection connection, IMessageProtocol<TMessage> protocol, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(protocol);

        if (connection is not SocketConnection own)
        {
            throw new ArgumentException(
                $"{connection.GetType()} is no connection of the library: read its {nameof(ISocketConnection.AsPipe)}.", nameof(connection));
        }

        own.PullMessages();
        return MessagePull.ReadAsync(own, protocol, cancellationToken);
    }

    /// <summary>
    /// Reads the connection line by line, as text in UTF-8: as <see cref="ReadMessagesAsync"/> with <see cref="Framing.Lines"/>.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="maxLength">The most bytes of a line, without its end.</param>
    /// <param name="cancellationToken">Cancels the wait for a line.</param>
    /// <returns>The lines, without their ends.</returns>
    /// <exception cref="InvalidOperationException">The connection is already read in another style.</exception>
    /// <exception cref="MessageProtocolException">Thrown by the enumeration: a line was too long, not UTF-8, or not ended.</exception>
    /// <exception cref="IOException">Thrown by the enumeration: the connection was reset or failed.</exception>
    public static IAsyncEnumerable<string> ReadLinesAsync(
        this ISocketConnection connection, int maxLength, CancellationToken cancellationToken = default)
        => ReadMessagesAsync(connection, Framing.Lines(maxLength).AsText(), cancellationToken);

    /// <summary>Writes a message, whole and in order, from any thread, as <see cref="ISocketConnection{TMessage}.Write"/> does.</summary>
    /// <typeparam name="TMessage">The message.</typeparam>
    /// <param name="connection">The connection.</param>
    /// <param name="protocol">How messages lie in the stream, such as one of <see cref="Framing"/>.</param>
    /// <param name="message">The message; not used after the call.</param>
    /// <returns>As <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/>; what it costs to ignore it is said there.</returns>
    /// <exception cref="ArgumentException">The message cannot be written by the protocol; nothing of it was.</exception>
    public static bool Write<TMessage>(this ISocketConnection connection, IMessageProtocol<TMessage> protocol, TMessage message)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(protocol);

        return connection.Write((protocol, message), static (output, write) => write.protocol.Write(write.message, output));
    }
}
