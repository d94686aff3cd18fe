using System.Buffers;
using System.Text;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer;

/// <summary>Writes of text and memory, and pipes, for every <see cref="ISocketConnection"/>.</summary>
public static class SocketConnectionExtensions
{
    private const int StackLimit = 512;

    /// <summary>Writes <paramref name="data"/> as <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/> does.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="data">The bytes to send; not used after the call.</param>
    /// <returns>As <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/>; what it costs to ignore it is said there.</returns>
    public static bool Write(this ISocketConnection connection, ReadOnlyMemory<byte> data)
    {
        ArgumentNullException.ThrowIfNull(connection);

        return connection.Write(data.Span);
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8, as <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/> does.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="text">The text to send.</param>
    /// <returns>As <see cref="ISocketConnection.Write(ReadOnlySpan{byte})"/>; what it costs to ignore it is said there.</returns>
    public static bool Write(this ISocketConnection connection, ReadOnlySpan<char> text)
    {
        ArgumentNullException.ThrowIfNull(connection);

        using var utf8 = new Utf8(text, stackalloc byte[StackLimit]);
        return connection.Write(utf8.Bytes);
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8, then ends the connection as <see cref="ISocketConnection.End()"/> does.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="text">The last text to send.</param>
    public static void End(this ISocketConnection connection, ReadOnlySpan<char> text)
    {
        ArgumentNullException.ThrowIfNull(connection);

        using var utf8 = new Utf8(text, stackalloc byte[StackLimit]);
        connection.End(utf8.Bytes);
    }

    /// <summary>
    /// Sends all data of <paramref name="source"/> to <paramref name="destination"/>, at the pace of the destination: one that is full
    /// holds the source back until it drains (row C20). The end of either ends the other. <c>connection.Pipe(connection)</c> is an echo.
    /// </summary>
    /// <param name="source">The connection to read from. What the application pauses stays paused.</param>
    /// <param name="destination">
    /// The connection to write to. Several destinations of one source all get all data, at the pace of the slowest.
    /// </param>
    /// <param name="end">
    /// Whether the end or the close of the source ends the destination, and the close of the destination ends the source; also where
    /// that has happened already. Otherwise the one that stays is left alone, and what it receives goes to its other subscribers.
    /// </param>
    /// <returns>The destination.</returns>
    /// <exception cref="InvalidOperationException">The source is read in another style than by events.</exception>
    /// <remarks>
    /// Two connections piped to each other are a proxy that ends both directions as soon as one has ended, since
    /// <see cref="ISocketConnection.End()"/> does; what the other peer still sends is dropped, and counted by
    /// <see cref="ISocketConnection.DiscardedBytes"/>.
    /// </remarks>
    public static ISocketConnection Pipe(this ISocketConnection source, ISocketConnection destination, bool end = true)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);

        new ConnectionPipe(source, destination, end).Start();
        return destination;
    }

    private ref struct Utf8
    {
        private readonly byte[]? _rented;

        public Utf8(ReadOnlySpan<char> text, Span<byte> stack)
        {
            int size = Encoding.UTF8.GetMaxByteCount(text.Length);
            Span<byte> buffer = size <= stack.Length ? stack : _rented = ArrayPool<byte>.Shared.Rent(size);
            Bytes = buffer[..Encoding.UTF8.GetBytes(text, buffer)];
        }

        public ReadOnlySpan<byte> Bytes { get; }

        public readonly void Dispose()
        {
            if (_rented is not null)
            {
                ArrayPool<byte>.Shared.Return(_rented);
            }
        }
    }
}
