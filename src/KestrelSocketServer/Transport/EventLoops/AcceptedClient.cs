namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>A client that was accepted and waits for room, as those in the system's queue do.</summary>
internal sealed class AcceptedClient(int descriptor, ReadOnlySpan<byte> address)
{
    private const int DiscardedSize = 64 * 1024;

    private readonly byte[] _address = address.ToArray();

    public int Descriptor { get; } = descriptor;

    /// <summary>Its <c>sockaddr</c>.</summary>
    public ReadOnlySpan<byte> Address => _address;

    /// <summary>Closes the socket of a client that does not become a connection.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="goodbye">What it is sent before, as far as the system takes it.</param>
    public static unsafe void Close(int descriptor, byte[] goodbye)
    {
        if (goodbye.Length == 0)
        {
            // By a reset, of which nothing is left in the system: struct linger, on and without time.
            int* linger = stackalloc int[] { 1, 0 };
            _ = Libc.SetOption(descriptor, Libc.SocketLevel, Libc.LingerOption, linger, 2 * sizeof(int));
        }
        else
        {
            fixed (byte* start = goodbye)
            {
                _ = Libc.Send(descriptor, start, (nuint)goodbye.Length, Libc.DontWait | Libc.NoSignal);
            }

            // Closing with something unread would be a reset, which may overtake the goodbye.
            _ = Libc.Receive(descriptor, null, DiscardedSize, Libc.DontWait | Libc.Discard);
        }

        _ = Libc.Close(descriptor);
    }
}
