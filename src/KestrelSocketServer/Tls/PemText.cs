using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KestrelSocketServer.Tls;

/// <summary>Reads PEM files, and the certificates in them.</summary>
internal static class PemText
{
    private static readonly Encoding[] Encodings = [Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <summary>The text of a PEM file, also in UTF-16, as Windows likes to write; null when it is none.</summary>
    public static string? From(ReadOnlySpan<byte> content)
    {
        foreach (Encoding encoding in Encodings)
        {
            // At an odd place it is the other of the two ways of UTF-16 that matches.
            int begin = content.IndexOf(encoding.GetBytes("-----BEGIN "));
            if (begin >= 0 && (encoding == Encoding.UTF8 || begin % 2 == 0))
            {
                return encoding.GetString(content);
            }
        }

        return content.IsEmpty ? "" : null;
    }

    /// <summary>The certificates of a text, in its order.</summary>
    /// <exception cref="CryptographicException">There is none, or one is broken; the message names the path.</exception>
    public static X509Certificate2Collection ReadCertificates(string text, string path)
    {
        IReadOnlyList<PemBlock> blocks = PemBlock.ReadAll(text);
        var certificates = new X509Certificate2Collection();
        foreach (PemBlock block in blocks.Where(block => block.IsCertificate))
        {
            certificates.Add(Load(block, path));
        }

        return certificates.Count > 0
            ? certificates
            : throw new CryptographicException($"There is no certificate in '{path}'{ListLabels(blocks)}.");
    }

    /// <summary>What there is in place of what was looked for, for a message.</summary>
    public static string ListLabels(IReadOnlyList<PemBlock> blocks)
        => blocks.Count == 0 ? "" : $", which has: {string.Join(", ", blocks.Select(block => block.Label).Distinct())}";

    private static X509Certificate2 Load(PemBlock block, string path)
    {
        string what = $"The certificate in line {block.Line} of '{path}' is broken";
        if (block.Content is null)
        {
            throw new CryptographicException($"{what}: {block.Fault}.");
        }

        try
        {
            // What OpenSSL adds to a TRUSTED CERTIFICATE stands behind the certificate, and is not read.
            return X509CertificateLoader.LoadCertificate(block.Content);
        }
        catch (CryptographicException exception)
        {
            throw new CryptographicException($"{what}: {exception.Message}", exception);
        }
    }
}
