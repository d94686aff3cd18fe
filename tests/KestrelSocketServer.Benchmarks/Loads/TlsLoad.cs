using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Clients of TLS that all run on the calling thread. Each has a message echoed, over and over: on one connection, or after a
/// full handshake on a new one each time.
/// </summary>
internal sealed class TlsLoad : ILoad
{
    private static readonly SslClientAuthenticationOptions Options = new()
    {
        TargetHost = "localhost",
        AllowTlsResume = false,
        CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true },
        RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
    };

    private readonly Poll _poll = new();
    private readonly IPEndPoint _server;
    private readonly int _size;
    private readonly bool _reconnects;
    private readonly PolledStream[] _streams;
    private readonly Task[] _clients;
    private int _connected;
    private long _messages;
    private bool _isOver;

    public TlsLoad(IPEndPoint server, int connections, int size, bool reconnects)
    {
        _server = server;
        _size = size;
        _reconnects = reconnects;
        _streams = new PolledStream[connections];
        _clients = [.. Enumerable.Range(0, connections).Select(RunClientAsync)];

        Array.ForEach(_clients, ThrowIfFailed);

        // The first handshakes are no part of what is measured.
        while (_connected < connections)
        {
            ServeReady();
        }
    }

    public long Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long before = _messages;
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            ServeReady();
        }

        return _messages - before;
    }

    /// <summary>Leaves the clients where they wait.</summary>
    public void Dispose()
    {
        _isOver = true;
        Array.ForEach(_streams, static stream => stream.Dispose());
        _poll.Dispose();
    }

    private void ServeReady()
    {
        int ready = _poll.Wait();
        for (int i = 0; i < ready; i++)
        {
            int index = _poll.TagOf(i);
            _streams[index].OnReadable();
            ThrowIfFailed(_clients[index]);
        }
    }

    private static void ThrowIfFailed(Task client)
    {
        if (client.IsFaulted)
        {
            client.GetAwaiter().GetResult();
        }
    }

    private async Task RunClientAsync(int index)
    {
        byte[] message = LoadMessage.Create(_size);
        do
        {
            _streams[index] = new PolledStream(ClientSockets.Connect(_server));
            _poll.Add(_streams[index].Handle, index);
            await using var tls = new SslStream(_streams[index]);
            await tls.AuthenticateAsClientAsync(Options);
            _connected++;
            do
            {
                await tls.WriteAsync(message);
                await tls.ReadExactlyAsync(message);
                _messages++;
            }
            while (!_reconnects && !_isOver);
        }
        while (!_isOver);
    }
}
