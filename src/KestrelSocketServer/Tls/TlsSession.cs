using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KestrelSocketServer.Tls;

/// <summary>What is inside TLS: the pipe of a connection from the end of its handshake on, and what can be told of the encryption.</summary>
internal sealed class TlsSession : IDuplexPipe, IAsyncDisposable,
    ITlsConnectionFeature, ITlsHandshakeFeature, ITlsApplicationProtocolFeature, ISslStreamFeature
{
    // What a record holds: one call then decrypts or encrypts one that is full.
    private const int RecordSize = 16 * 1024;

    private readonly TlsTransportStream _transport;
    private readonly bool _asksOnDemand;
    private X509Certificate2? _clientCertificate;

    public TlsSession(SslStream stream, TlsTransportStream transport, bool asksOnDemand, MemoryPool<byte>? pool)
    {
        _transport = transport;
        _asksOnDemand = asksOnDemand;
        SslStream = stream;
        int size = Math.Min(RecordSize, pool?.MaxBufferSize ?? RecordSize);
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(pool, size, size / 2, leaveOpen: true, useZeroByteReads: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(pool, leaveOpen: true));
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    public SslStream SslStream { get; }

    public X509Certificate2? ClientCertificate
    {
        get => _clientCertificate ??= SslStream.RemoteCertificate as X509Certificate2;
        set => _clientCertificate = value;
    }

    public SslProtocols Protocol => SslStream.SslProtocol;

    public TlsCipherSuite? NegotiatedCipherSuite => SslStream.NegotiatedCipherSuite;

    public string HostName => SslStream.TargetHostName;

    public ReadOnlyMemory<byte> ApplicationProtocol => SslStream.NegotiatedApplicationProtocol.Protocol;

#pragma warning disable SYSLIB0058 // Part of the interface.
    public CipherAlgorithmType CipherAlgorithm => SslStream.CipherAlgorithm;

    public int CipherStrength => SslStream.CipherStrength;

    public HashAlgorithmType HashAlgorithm => SslStream.HashAlgorithm;

    public int HashStrength => SslStream.HashStrength;

    public ExchangeAlgorithmType KeyExchangeAlgorithm => SslStream.KeyExchangeAlgorithm;

    public int KeyExchangeStrength => SslStream.KeyExchangeStrength;
#pragma warning restore SYSLIB0058

    public async Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken)
    {
        if (_asksOnDemand && ClientCertificate is null && (OperatingSystem.IsLinux() || OperatingSystem.IsWindows() || OperatingSystem.IsFreeBSD()))
        {
            await SslStream.NegotiateClientCertificateAsync(cancellationToken).ConfigureAwait(false);
        }

        return ClientCertificate;
    }

    /// <summary>Lets the rest of a pipeline find it.</summary>
    public void AddTo(IFeatureCollection features)
    {
        features.Set<ITlsConnectionFeature>(this);
        features.Set<ITlsHandshakeFeature>(this);
        features.Set<ITlsApplicationProtocolFeature>(this);
        features.Set<ISslStreamFeature>(this);
        features.Set<IEndOfTransport>(_transport);
    }

    /// <summary>Sends what was written and not flushed. The connection below stays open.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            // Before the stream, which they may still use.
            await Input.CompleteAsync().ConfigureAwait(false);
            await Output.CompleteAsync().ConfigureAwait(false);
        }
        finally
        {
            await SslStream.DisposeAsync().ConfigureAwait(false);
        }
    }
}
