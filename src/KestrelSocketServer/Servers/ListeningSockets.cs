using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Servers;

/// <summary>Makes the listening sockets of an endpoint, all on one address.</summary>
internal static class ListeningSockets
{
    /// <exception cref="IOException">The address cannot be listened on (row A13); nothing stays bound.</exception>
    public static IReadOnlyList<Socket> Bind(string name, ListenAddress address, SocketListenerOptions options, int count, ILogger logger)
    {
        var sockets = new List<Socket>(count);
        try
        {
            while (sockets.Count < count)
            {
                sockets.Add(ListeningSocket.Bind(
                    name, address, options, logger, isShared: count > 1, first: sockets.FirstOrDefault()?.LocalEndPoint));
            }

            return sockets;
        }
        catch
        {
            // Thrown on, once those before are closed.
            Close(sockets, address);
            throw;
        }
    }

    /// <summary>Stops listening at once; the address can be listened on again.</summary>
    public static void Close(IEnumerable<Socket> sockets, ListenAddress address)
    {
        foreach (Socket socket in sockets)
        {
            ListeningSocket.Close(socket, address);
        }
    }
}
