namespace KestrelSocketServer;

/// <summary>What configuration can say for a host name, below <c>Sni:{host}</c> of an endpoint.</summary>
public sealed class SocketSniOptions
{
    /// <summary>The certificate for the host name.</summary>
    public SocketCertificateOptions? Certificate { get; set; }
}
