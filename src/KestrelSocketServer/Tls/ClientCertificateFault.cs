namespace KestrelSocketServer.Tls;

/// <summary>Why a client's certificate is refused.</summary>
/// <param name="Message">For the server.</param>
/// <param name="Alert">For the client.</param>
internal sealed record ClientCertificateFault(string Message, TlsAlert Alert)
{
    public static ClientCertificateFault Missing { get; } = new("The client has presented no certificate.", TlsAlert.BadCertificate);
}
