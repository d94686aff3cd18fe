using System.Net.Sockets;

namespace KestrelSocketServer.Transport.Sockets;

/// <summary>Accepts the connections of a listening socket by .NET's asynchronous operations.</summary>
internal sealed class SocketAcceptor(Socket listener, DescriptorReserve reserve, Func<Socket, TransportConnection> create) : IAcceptor
{
    // Accepted when only the reserve was left: it waits here as the others do in the system's queue.
    private Socket? _waiting;
    private volatile bool _isDisposed;

    public async ValueTask<TransportConnection> AcceptAsync(CancellationToken cancellationToken)
    {
        Socket accepted = Interlocked.Exchange(ref _waiting, null) ?? await AcceptSocketAsync(cancellationToken).ConfigureAwait(false);
        if (reserve.IsAllThatIsLeft)
        {
            Interlocked.Exchange(ref _waiting, accepted);
            if (_isDisposed)
            {
                Dispose();
            }

            throw reserve.CreateException();
        }

        reserve.OnAccepted(accepted.SafeHandle.DangerousGetHandle());
        try
        {
            if (!OperatingSystem.IsLinux() && accepted.ProtocolType == ProtocolType.Tcp)
            {
                // Only Linux is known to pass it on from the listening socket.
                accepted.NoDelay = listener.NoDelay;
            }

            return create(accepted);
        }
        catch
        {
            accepted.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        // The listening socket is closed by its owner.
        _isDisposed = true;
        Interlocked.Exchange(ref _waiting, null)?.Dispose();
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
