using System.Net.Sockets;

namespace KestrelSocketServer;

/// <summary>Accepts the connections of a listening socket by .NET's asynchronous operations.</summary>
internal sealed class SocketAcceptor(Socket listener, Func<Socket, TransportConnection> create) : IAcceptor
{
    public async ValueTask<TransportConnection> AcceptAsync(CancellationToken cancellationToken)
    {
        Socket accepted;
        try
        {
            accepted = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is not (SocketError.OperationAborted or SocketError.Interrupted))
        {
            throw SystemError.ToException(SystemError.Complete(exception.SocketErrorCode));
        }

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
    }
}
