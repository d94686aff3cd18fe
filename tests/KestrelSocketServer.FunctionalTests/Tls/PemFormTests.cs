using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>The forms in which PEM files come, made by the openssl command.</summary>
public sealed class PemFormTests(PemFiles files) : IClassFixture<PemFiles>
{
    private string Key => files.Text("leaf.key");

    private string Leaf => files.Text("leaf.pem");

    private string Inter => files.Text("inter.pem");

    private string Root => files.Text("root.pem");

    private string Other => files.Text("other.pem");

    private string All => Leaf + Inter + Key;

    [Theory]
    [InlineData("as OpenSSL writes it")]
    [InlineData("UTF-8 with a byte order mark")]
    [InlineData("UTF-16 LE with a byte order mark")]
    [InlineData("UTF-16 BE with a byte order mark")]
    [InlineData("UTF-16 LE without a byte order mark")]
    [InlineData("UTF-16 BE without a byte order mark")]
    [InlineData("files with byte order marks put together")]
    [InlineData("CRLF")]
    [InlineData("CR")]
    [InlineData("no final newline")]
    [InlineData("lines without a limit")]
    [InlineData("indented")]
    [InlineData("blanks at the ends of lines")]
    [InlineData("text before and between")]
    [InlineData("text output")]
    [InlineData("garbage at the end")]
    [InlineData("a block that is commented out")]
    [Trait("Row", "T16")]
    public async Task Any_encoding_of_the_file_is_read(string form)
    {
        byte[] content = form switch
        {
            "as OpenSSL writes it" => Encoding.UTF8.GetBytes(All),
            "UTF-8 with a byte order mark" => Marked(All, new UTF8Encoding(true)),
            "UTF-16 LE with a byte order mark" => Marked(All, Encoding.Unicode),
            "UTF-16 BE with a byte order mark" => Marked(All, Encoding.BigEndianUnicode),
            "UTF-16 LE without a byte order mark" => Encoding.Unicode.GetBytes(All),
            "UTF-16 BE without a byte order mark" => Encoding.BigEndianUnicode.GetBytes("\n" + All),
            "files with byte order marks put together" => [
                .. Marked(Leaf, new UTF8Encoding(true)), .. Marked(Inter, new UTF8Encoding(true)), .. Marked(Key, new UTF8Encoding(true))],
            "CRLF" => Encoding.UTF8.GetBytes(All.Replace("\n", "\r\n", StringComparison.Ordinal)),
            "CR" => Encoding.UTF8.GetBytes(All.Replace('\n', '\r')),
            "no final newline" => Encoding.UTF8.GetBytes(All.TrimEnd()),
            "lines without a limit" => Encoding.UTF8.GetBytes(OneLine(Leaf) + OneLine(Inter) + OneLine(Key)),
            "indented" => Encoding.UTF8.GetBytes("\t" + All.Replace("\n", "\n  ", StringComparison.Ordinal)),
            "blanks at the ends of lines" => Encoding.UTF8.GetBytes(All.Replace("\n", " \t\n", StringComparison.Ordinal)),
            "text before and between" => Encoding.UTF8.GetBytes(
                $"subject=CN = léaf: -----BEGIN\n{Leaf}issuer: -----BEGIN CERTIFICATE-----\n{Inter}\n\n-----\n{Key}"),
            "text output" => Encoding.UTF8.GetBytes(
                await files.WriteAsync("leaf.txt", "x509", "-in", "leaf.pem", "-text")
                + await files.WriteAsync("inter.txt", "x509", "-in", "inter.pem", "-text")
                + await files.WriteAsync("key.txt", "pkey", "-in", "leaf.key", "-text")),
            "garbage at the end" => [.. Encoding.UTF8.GetBytes(All), 0xFF, 0, 0xC3, .. "\n-----BEGIN"u8],
            "a block that is commented out" => Encoding.UTF8.GetBytes($"# {Other.Replace("\n", "\n# ", StringComparison.Ordinal)}\n{All}"),
            _ => throw new ArgumentException(form, nameof(form)),
        };
        await AssertServesAsync(content);
    }

    [Theory]
    [InlineData("key first")]
    [InlineData("key between")]
    [InlineData("issuer first")]
    [InlineData("root first")]
    [InlineData("leaf last")]
    [InlineData("other leaf first")]
    [InlineData("other leaf last")]
    [InlineData("another key first")]
    [InlineData("expired twin first")]
    [InlineData("EC PARAMETERS first")]
    [InlineData("CRL between")]
    [InlineData("PKCS7, request and public key between")]
    [InlineData("TRUSTED CERTIFICATE")]
    [InlineData("X509 CERTIFICATE")]
    [Trait("Row", "T16")]
    public async Task Any_order_of_the_blocks_is_read(string order) => await AssertServesAsync(Encoding.UTF8.GetBytes(order switch
    {
        "key first" => Key + Leaf + Inter,
        "key between" => Leaf + Key + Inter,
        "issuer first" => Inter + Leaf + Key,
        "root first" => Root + Inter + Leaf + Key,
        "leaf last" => Key + Inter + Root + Leaf,
        "other leaf first" => Other + Leaf + Inter + Key,
        "other leaf last" => Leaf + Inter + Other + Key,
        "another key first" => files.Text("other.key") + Leaf + Inter + Key,
        "expired twin first" => ExpiredTwin() + Leaf + Inter + Key,
        "EC PARAMETERS first" => await files.WriteAsync("parameters", "ecparam", "-name", "prime256v1")
            + await files.WriteAsync("sec1.key", "ec", "-in", "leaf.key") + Leaf + Inter,
        "CRL between" => Leaf + Relabelled(Root, "X509 CRL") + Inter + Key,
        "PKCS7, request and public key between" => Leaf
            + await files.WriteAsync("chain.p7", "crl2pkcs7", "-nocrl", "-certfile", "other.pem")
            + files.Text("leaf.csr") + Inter + await files.WriteAsync("public.key", "pkey", "-in", "leaf.key", "-pubout") + Key,
        "TRUSTED CERTIFICATE" => await files.WriteAsync(
            "trusted.pem", "x509", "-in", "leaf.pem", "-trustout", "-addtrust", "serverAuth", "-setalias", "a") + Inter + Key,
        "X509 CERTIFICATE" => Relabelled(Leaf, "X509 CERTIFICATE") + Inter + Key,
        _ => throw new ArgumentException(order, nameof(order)),
    }));

    [Theory]
    [InlineData("PEM in UTF-16")]
    [InlineData("DER")]
    [Trait("Row", "T16")]
    public async Task A_key_file_is_read_in_any_encoding(string form)
    {
        await files.RunAsync("x509", "-in", "leaf.pem", "-outform", "der", "-out", "leaf.der");
        await files.RunAsync("pkey", "-in", "leaf.key", "-outform", "der", "-out", "key.der");
        await using var server = new TlsServer();
        bool der = form == "DER";
        string path = server.Write("server.pem", der ? files.Bytes("leaf.der") : Marked(Leaf, Encoding.Unicode));
        string keyPath = server.Write("server.key", der ? files.Bytes("key.der") : Marked(Key, Encoding.Unicode));
        await server.StartAsync(listen => listen.UseHttps(path, keyPath: keyPath));
        X509ChainPolicy policy = TrustingRoot(files.Certificate("inter"));
        Assert.Equal(files.Certificate("leaf"), await server.AssertServesAsync(options => options.CertificateChainPolicy = policy));
    }

    [Fact]
    [Trait("Row", "T16")]
    public async Task An_expired_certificate_is_served_where_there_is_no_other()
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", ExpiredTwin() + Key);
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        X509Certificate2 seen = await server.AssertServesAsync(
            options => options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null);
        Assert.True(seen.NotAfter < DateTime.Now);
    }

    [Theory]
    [InlineData("other leaf", "The private key in '{0}' (EC) does not belong to the certificate CN=other.")]
    [InlineData("leaf missing", "The private key in '{0}' (EC) does not belong to any of the certificates CN=inter; CN=root.")]
    [InlineData("leaf cut off", "The certificate in line 1 of '{0}' is broken: it has no line '-----END CERTIFICATE-----'.")]
    [InlineData("issuer cut off", "The certificate in line {1} of '{0}' is broken: it has no line '-----END CERTIFICATE-----'.")]
    [InlineData("issuer no base64", "The certificate in line {1} of '{0}' is broken: its content is no base64.")]
    [InlineData("issuer no certificate", "The certificate in line {1} of '{0}' is broken: ")]
    [InlineData("request for a certificate", "There is no certificate in '{0}', which has: CERTIFICATE REQUEST, PRIVATE KEY.")]
    [InlineData("PKCS7", "There is no certificate in '{0}', which has: PKCS7, PRIVATE KEY.")]
    [InlineData("no key", "There is no complete private key in '{0}', which has: CERTIFICATE.")]
    [InlineData("public key", "There is no complete private key in '{0}', which has: CERTIFICATE, PUBLIC KEY.")]
    [InlineData("key cut off", "There is no complete private key in '{0}': the PRIVATE KEY in line {1} is broken, it has no line '-----END PRIVATE KEY-----'.")]
    [InlineData("key no base64", "There is no complete private key in '{0}': the PRIVATE KEY in line {1} is broken, its content is no base64.")]
    [InlineData("key no key", "The private key in '{0}' is broken: ")]
    [InlineData("OpenSSH", "The private key in '{0}' has a form of OpenSSH's own")]
    [Trait("Row", "T16")]
    public async Task The_message_names_what_is_wrong(string fault, string message)
    {
        int line = 1 + Leaf.Count('\n');
        string content = fault switch
        {
            "other leaf" => Other + Key,
            "leaf missing" => Inter + Root + Key,
            "leaf cut off" => Leaf[..100] + "\n" + Inter + Key,
            "issuer cut off" => Leaf + Inter[..100] + "\n" + Key,
            "issuer no base64" => Leaf + Inter[..100] + "*" + Inter[100..] + Key,
            "issuer no certificate" => Leaf + Relabelled(Key, "CERTIFICATE") + Key,
            "request for a certificate" => files.Text("leaf.csr") + Key,
            "PKCS7" => await files.WriteAsync("leaf.p7", "crl2pkcs7", "-nocrl", "-certfile", "leaf.pem") + Key,
            "no key" => Leaf + Inter,
            "public key" => Leaf + await files.WriteAsync("public.key", "pkey", "-in", "leaf.key", "-pubout"),
            "key cut off" => Leaf + Key[..60],
            "key no base64" => Leaf + Key[..60] + "*" + Key[60..],
            "key no key" => Leaf + Relabelled(Leaf, "PRIVATE KEY"),
            "OpenSSH" => Leaf + Relabelled(Key, "OPENSSH PRIVATE KEY"),
            _ => throw new ArgumentException(fault, nameof(fault)),
        };
        await using var server = new TlsServer();
        string path = server.Write("server.pem", content);
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());
        Exception exception = (await server.ErrorAsync()).Exception;
        Assert.IsType<CryptographicException>(exception);
        Assert.StartsWith(string.Format(null, message, path, line), exception.Message, StringComparison.Ordinal);
    }

    private async Task AssertServesAsync(byte[] content)
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", content);
        await server.StartAsync(listen => listen.UseHttps(certificatePath: path));

        // The client has the root alone: the issuer between is sent.
        Assert.Equal(files.Certificate("leaf"), await server.AssertServesAsync(options => options.CertificateChainPolicy = TrustingRoot()));
    }

    private X509ChainPolicy TrustingRoot(params X509Certificate2[] known)
    {
        X509ChainPolicy policy = TlsServer.Trusting(files.Certificate("root"));
        policy.ExtraStore.AddRange(known);
        return policy;
    }

    // Of the same key, issued by nobody, and over.
    private string ExpiredTwin()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(Key);
        using X509Certificate2 twin = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-9), DateTimeOffset.UtcNow.AddDays(-1));
        return twin.ExportCertificatePem() + "\n";
    }

    private static byte[] Marked(string text, Encoding encoding) => [.. encoding.GetPreamble(), .. encoding.GetBytes(text)];

    private static string OneLine(string block)
    {
        string[] lines = block.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return $"{lines[0]}\n{string.Concat(lines[1..^1])}\n{lines[^1]}\n";
    }

    private static string Relabelled(string block, string label)
    {
        string[] lines = block.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return $"-----BEGIN {label}-----\n{string.Join('\n', lines[1..^1])}\n-----END {label}-----\n";
    }
}
