using System.Buffers;
using System.Text;

namespace KestrelSocketServer;

/// <summary>Writes of text and memory, and pipes, for every <see cref="ISocketConnection"/>.</summary>
public static class SocketConnectionExtensions
{
    private const int StackLimit = 512;

    /// <summary>Writes <paramref name="data"/> as <see cref="ISocketConnection.Write"/> does.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="data">The bytes to send; not used after the call.</param>
    /// <returns>As <see cref="ISocketConnection.Write"/>.</returns>
    public static bool Write(this ISocketConnection connection, ReadOnlyMemory<byte> data)
    {
        ArgumentNullException.ThrowIfNull(connection);

        return connection.Write(data.Span);
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="text">The text to send.</param>
    /// <returns>As <see cref="ISocketConnection.Write"/>.</returns>
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
    /// Sends all data of <paramref name="source"/> to <paramref name="destination"/> (row C20). A destination that is full
    /// pauses the source until it drains; the end of the source ends the destination. <c>connection.Pipe(connection)</c> is
    /// an echo.
    /// </summary>
    /// <param name="source">The connection to read from.</param>
    /// <param name="destination">The connection to write to. When it closes, the source is paused.</param>
    /// <param name="end">Whether the end of the source ends the destination.</param>
    /// <returns>The destination.</returns>
    public static ISocketConnection Pipe(this ISocketConnection source, ISocketConnection destination, bool end = true)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);

        int drains = 0;
        source.Data += Forward;
        destination.Drained += OnDrained;
        destination.Closed += source.Pause;
        source.Closed += Detach;
        if (end)
        {
            source.Ended += destination.End;
        }

        if (!destination.IsWritable)
        {
            // It may be closed already, and then will not say so again.
            source.Pause();
        }

        return destination;

        void Forward(ReadOnlyMemory<byte> chunk)
        {
            int before = Volatile.Read(ref drains);
            if (destination.Write(chunk.Span))
            {
                return;
            }

            source.Pause();

            // Either the pause is seen where it drains, or the drain is seen here.
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref drains) != before)
            {
                // It has drained between the two calls, on a thread of its own, and will not say so again.
                source.Resume();
            }
        }

        void OnDrained()
        {
            Interlocked.Increment(ref drains);
            source.Resume();
        }

        void Detach()
        {
            destination.Drained -= OnDrained;
            destination.Closed -= source.Pause;
        }
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
