using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KestrelSocketServer;

/// <summary>Reads certificates in PEM.</summary>
internal static class PemText
{
    /// <summary>The text of a PEM file; null when it is none.</summary>
    public static string? Of(ReadOnlySpan<byte> content)
        => content.IsEmpty || content.IndexOf("-----BEGIN "u8) >= 0 ? Encoding.UTF8.GetString(content) : null;

    /// <exception cref="CryptographicException">There is none, or one is broken; the message names the path.</exception>
    public static X509Certificate2Collection ReadCertificates(string text, string path)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException exception)
        {
            throw new CryptographicException($"A certificate in '{path}' is broken: {exception.Message}", exception);
        }

        return certificates.Count > 0 ? certificates : throw new CryptographicException($"There is no certificate in '{path}'.");
    }
}
