using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Transport.Sockets;

/// <summary>Accepts the connections of a listening socket by .NET's asynchronous operations.</summary>
internal sealed class SocketAcceptor(
    Socket listener, DescriptorReserve reserve, IAcceptGate gate, Func<Socket, int, TransportConnection> create) : IAcceptor
{
    private const int MaxAddressSize = 16;

    // Accepted when only the reserve was left, or when there was no room: it waits here as the others do in the system's queue.
    private Socket? _waiting;
    private volatile bool _isDisposed;

    public async ValueTask<TransportConnection> AcceptAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket accepted = Interlocked.Exchange(ref _waiting, null) ?? await AcceptSocketAsync(cancellationToken).ConfigureAwait(false);
            if (reserve.IsAllThatIsLeft)
            {
                Keep(accepted);
                throw reserve.CreateException();
            }

            reserve.OnAccepted(accepted.SafeHandle.DangerousGetHandle());
            switch (Decide(accepted, out int ticket))
            {
                case GateDecision.Accept:
                    return Create(accepted, ticket);
                case GateDecision.Wait:
                    Keep(accepted);
                    throw new OperationCanceledException("There is no room for another connection.");
                default:
                    Refuse(accepted);
                    break;
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public void Dispose()
    {
        // The listening socket is closed by its owner.
        _isDisposed = true;
        Interlocked.Exchange(ref _waiting, null)?.Dispose();
    }

    private GateDecision Decide(Socket accepted, out int ticket)
    {
        Span<byte> address = stackalloc byte[MaxAddressSize];
        int size = 0;
        try
        {
            if (accepted.RemoteEndPoint is IPEndPoint remote)
            {
                remote.Address.TryWriteBytes(address, out size);
            }
        }
        catch (SocketException)
        {
            // It has left again: who it was cannot be judged.
            ticket = 0;
            return GateDecision.Refuse;
        }

        return gate.Decide(address[..size], out ticket);
    }

    private TransportConnection Create(Socket accepted, int ticket)
    {
        try
        {
            if (!OperatingSystem.IsLinux() && accepted.ProtocolType == ProtocolType.Tcp)
            {
                // Only Linux is known to pass it on from the listening socket.
                accepted.NoDelay = listener.NoDelay;
            }

            return create(accepted, ticket);
        }
        catch
        {
            gate.Release(ticket);
            accepted.Dispose();
            throw;
        }
    }

    private void Keep(Socket accepted)
    {
        Interlocked.Exchange(ref _waiting, accepted);
        if (_isDisposed)
        {
            Dispose();
        }
    }

    private void Refuse(Socket accepted)
    {
        byte[] goodbye = gate.Goodbye;
        if (goodbye.Length > 0)
        {
            accepted.Blocking = false;
            accepted.Send(goodbye, SocketFlags.None, out _);

            // Closing with something unread would be a reset, which may overtake the goodbye.
            accepted.Receive(new byte[1024], SocketFlags.None, out _);
        }

        // Without a goodbye by a reset, of which nothing is left in the system.
        accepted.Close(goodbye.Length > 0 ? -1 : 0);
    }

    private async ValueTask<Socket> AcceptSocketAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is not (SocketError.OperationAborted or SocketError.Interrupted))
        {
            SocketError error = SystemError.Complete(exception.SocketErrorCode);
            if (exception.SocketErrorCode == SocketError.TooManyOpenSockets)
            {
                reserve.OnExhausted();
            }

            throw SystemError.ToException(error);
        }
    }
}
