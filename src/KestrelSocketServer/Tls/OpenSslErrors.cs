namespace KestrelSocketServer.Tls;

/// <summary>What OpenSSL's own errors mean, found in what the runtime throws.</summary>
internal static class OpenSslErrors
{
    // Its number among the reasons of libssl, in the last bits of an error's code.
    private const int PeerDidNotReturnCertificate = 199;
    private const int ReasonBits = 0xFFF;

    /// <summary>Whether the handshake has failed as the client has no certificate.</summary>
    public static bool IsMissingCertificate(Exception exception)
    {
        // Codes of OpenSSL are positive, those of .NET's own exceptions are not.
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner.HResult > 0 && (inner.HResult & ReasonBits) == PeerDidNotReturnCertificate)
            {
                return true;
            }
        }

        return false;
    }
}
