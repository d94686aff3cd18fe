using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Connections that had one message echoed, so that they are known to be handled, and then stay silent.</summary>
internal sealed class IdleConnections : IDisposable
{
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);

    private readonly List<Socket> _sockets = [];
    private readonly byte[] _message = LoadMessage.Create(32);

    public IdleConnections(IPEndPoint server, int count)
    {
        for (int i = 0; i < count; i++)
        {
            _sockets.Add(ClientSockets.Connect(server));
            _sockets[i].Send(_message);
            if (!Receive(_sockets[i], AnswerTime))
            {
                throw new IOException("The server did not answer on a new connection.");
            }
        }
    }

    /// <summary>Sends a message on all; returns on how many it came back in time.</summary>
    public int CountAnswers()
    {
        long start = Stopwatch.GetTimestamp();
        _sockets.ForEach(socket => socket.Send(_message));
        return _sockets.Count(socket => Receive(socket, AnswerTime - Stopwatch.GetElapsedTime(start)));
    }

    public void Dispose() => _sockets.ForEach(static socket => socket.Dispose());

    private bool Receive(Socket socket, TimeSpan time)
    {
        for (int received = 0; received < _message.Length;)
        {
            int count = socket.Poll(time > TimeSpan.Zero ? time : TimeSpan.Zero, SelectMode.SelectRead) ? socket.Receive(_message) : 0;
            if (count == 0)
            {
                return false;
            }

            received += count;
        }

        return true;
    }
}
