using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>The types of keys that the openssl command makes, and the ways in which it encrypts them.</summary>
public sealed class PrivateKeyTests(PemFiles files) : IClassFixture<PemFiles>
{
    private static readonly string[] Legacy = ["-provider", "legacy", "-provider", "default"];

    [Theory]
    [InlineData("-algorithm RSA -pkeyopt rsa_keygen_bits:2048")]
    [InlineData("-algorithm RSA -pkeyopt rsa_keygen_bits:3072")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:P-256")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:P-384")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:P-521")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "-tls1_2")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "-tls1_2 -curves brainpoolP256r1:P-256")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP384r1", "-tls1_2 -curves brainpoolP384r1:P-256")]
    [InlineData("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-tls1_2 -curves secp256k1:P-256")]
    [Trait("Row", "T17")]
    public async Task Keys_of_supported_types_serve_in_each_of_their_forms(string arguments, string client = "")
    {
        await files.IssueAsync("self", "self", "leaf", arguments.Split(' '));
        string traditional = await files.WriteAsync("traditional.key", "pkey", "-in", "self.key", "-traditional");
        Assert.DoesNotContain("BEGIN PRIVATE", traditional, StringComparison.Ordinal);
        await AssertServesAsync(files.Text("self.pem") + files.Text("self.key"), client);
        await AssertServesAsync(files.Text("self.pem") + traditional, client);
        string encrypted = await files.WriteAsync("encrypted.key", "pkey", "-in", "self.key", "-aes256", "-passout", "pass:secret");
        await AssertServesAsync(files.Text("self.pem") + encrypted, client);
    }

    [Theory]
    [InlineData("RSA-PSS", "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048")]
    [InlineData("RSA-PSS", "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32")]
    [InlineData("Ed25519", "-algorithm ED25519")]
    [InlineData("Ed448", "-algorithm ED448")]
    [InlineData("EC with the curve SM2", "-algorithm EC -pkeyopt ec_paramgen_curve:SM2")]
    [Trait("Row", "T17")]
    public async Task Keys_of_other_types_are_named(string type, string arguments)
    {
        await files.IssueAsync("self", "self", "leaf", arguments.Split(' '));
        await AssertRefusesAsync(
            files.Text("self.pem") + files.Text("self.key"),
            $"is of the type {type}, which is not supported; RSA and EC (ECDSA) keys are supported.");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Row", "T17")]
    public async Task DSA_keys_are_named(bool traditional)
    {
        await files.RunAsync("dsaparam", "-out", "dsa.parameters", "1024");
        await files.IssueAsync("dsa", "dsa", "leaf", "-paramfile", "dsa.parameters");
        string key = traditional
            ? await files.WriteAsync("traditional.key", "pkey", "-in", "dsa.key", "-traditional")
            : files.Text("dsa.key");
        await AssertRefusesAsync(files.Text("dsa.pem") + key, "is of the type DSA, which is not supported");
    }

    [Theory]
    [InlineData("X25519", "1.3.101.110")]
    [InlineData("X448", "1.3.101.111")]
    [InlineData("ML-DSA-44", "2.16.840.1.101.3.4.3.17")]
    [InlineData("ML-DSA-65", "2.16.840.1.101.3.4.3.18")]
    [InlineData("ML-DSA-87", "2.16.840.1.101.3.4.3.19")]
    [InlineData("1.3.9999.1", "1.3.9999.1")]
    [Trait("Row", "T17")]
    public Task Keys_that_only_other_versions_of_OpenSSL_make_are_named(string type, string algorithm)
    {
        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteInteger(0);
            using (key.PushSequence())
            {
                key.WriteObjectIdentifier(algorithm);
            }

            key.WriteOctetString(new byte[34]);
        }

        string pem = $"{files.Text("leaf.pem")}{PemEncoding.WriteString("PRIVATE KEY", key.Encode())}\n";
        return AssertRefusesAsync(pem, $"is of the type {type}, which is not supported");
    }

    [Theory]
    [InlineData("RSA-PSS", "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048")]
    [InlineData("Ed25519", "-algorithm ED25519")]
    [Trait("Row", "T17")]
    public async Task They_are_named_too_when_they_are_encrypted_or_in_PKCS12(string type, string arguments)
    {
        await files.IssueAsync("self", "self", "leaf", arguments.Split(' '));
        string note = $"the certificate CN=self has a key of the type {type}, which is not supported; RSA and EC (ECDSA) keys are.";
        string encrypted = await files.WriteAsync("encrypted.key", "pkey", "-in", "self.key", "-aes256", "-passout", "pass:secret");
        await AssertRefusesAsync(files.Text("self.pem") + encrypted, note);

        await files.RunAsync("pkcs12", "-export", "-in", "self.pem", "-inkey", "self.key", "-passout", "pass:secret", "-out", "self.p12");
        await AssertRefusesAsync(files.Bytes("self.p12"), $"cannot be used: {note}");
    }

    [Theory]
    [InlineData("-v2 aes-128-cbc")]
    [InlineData("-v2 aes-192-cbc")]
    [InlineData("-v2 aes-256-cbc -v2prf hmacWithSHA1")]
    [InlineData("-v2 aes-256-cbc -v2prf hmacWithSHA512")]
    [InlineData("-v2 des3")]
    [InlineData("-v2 des-cbc", true)]
    [InlineData("-v2 rc2-cbc", true)]
    [InlineData("-v1 PBE-SHA1-3DES")]
    [InlineData("-v1 PBE-SHA1-2DES")]
    [InlineData("-v1 PBE-SHA1-DES", true)]
    [InlineData("-v1 PBE-SHA1-RC2-40", true)]
    [InlineData("-v1 PBE-SHA1-RC2-128", true)]
    [InlineData("-v1 PBE-MD5-DES", true)]
    [InlineData("-v1 PBE-MD5-RC2-64", true)]
    [Trait("Row", "T2")]
    [Trait("Row", "T17")]
    public async Task Keys_encrypted_as_PKCS8_are_read(string arguments, bool legacy = false)
    {
        string pem = files.Text("leaf.pem") + await EncryptAsync(arguments, legacy);
        await AssertServesAsync(pem, "");
        await AssertRefusesAsync(pem, "cannot be decrypted with the given passphrase", passphrase: "wrong");
        await AssertRefusesAsync(pem, "is encrypted, and no passphrase was given.", passphrase: null);
    }

    [Theory]
    [InlineData("scrypt", "-scrypt")]
    [InlineData("camellia-256-cbc", "-v2 camellia-256-cbc")]
    [InlineData("aria-128-cbc", "-v2 aria-128-cbc")]
    [InlineData("aes-256-cfb", "-v2 aes-256-cfb")]
    [InlineData("hmacWithSHA224", "-v2 aes-256-cbc -v2prf hmacWithSHA224")]
    [InlineData("pbeWithSHA1And128BitRC4", "-v1 PBE-SHA1-RC4-128", true)]
    [Trait("Row", "T17")]
    public async Task Other_encryptions_are_named_and_the_passphrase_is_not_blamed(string name, string arguments, bool legacy = false)
        => await AssertRefusesAsync(
            files.Text("leaf.pem") + await EncryptAsync(arguments, legacy),
            $"is encrypted by {name}, which is not supported");

    [Theory]
    [InlineData("-des", true)]
    [InlineData("-des3")]
    [InlineData("-aes192")]
    [Trait("Row", "T2")]
    [Trait("Row", "T17")]
    public async Task Keys_encrypted_in_the_traditional_way_are_read(string cipher, bool legacy = false)
    {
        string pem = files.Text("leaf.pem") + await EncryptTraditionallyAsync(cipher, legacy);
        await AssertServesAsync(pem, "");
        await AssertServesAsync(pem.ReplaceLineEndings("\r"), "");
        await AssertRefusesAsync(pem, "cannot be decrypted with the given passphrase", passphrase: "wrong");
        await AssertRefusesAsync(pem, "is encrypted, and no passphrase was given.", passphrase: null);
    }

    [Theory]
    [InlineData("-camellia256", "CAMELLIA-256-CBC")]
    [InlineData("-aria128", "ARIA-128-CBC")]
    [Trait("Row", "T17")]
    public async Task Other_traditional_ciphers_are_named(string cipher, string name)
        => await AssertRefusesAsync(
            files.Text("leaf.pem") + await EncryptTraditionallyAsync(cipher, legacy: false),
            $"is encrypted by {name}, which is not supported");

    private Task<string> EncryptAsync(string arguments, bool legacy) => files.WriteAsync(
        "encrypted.key",
        ["pkcs8", "-topk8", "-in", "leaf.key", "-passout", "pass:secret", .. arguments.Split(' '), .. legacy ? Legacy : []]);

    private async Task<string> EncryptTraditionallyAsync(string cipher, bool legacy)
    {
        string key = await files.WriteAsync(
            "encrypted.key", ["ec", "-in", "leaf.key", cipher, "-passout", "pass:secret", .. legacy ? Legacy : []]);
        Assert.Contains("Proc-Type: 4,ENCRYPTED", key, StringComparison.Ordinal);
        return key;
    }

    private async Task AssertServesAsync(string pem, string clientArguments)
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", pem);
        string own = pem[..pem.IndexOf("-----BEGIN", 1, StringComparison.Ordinal)].ReplaceLineEndings("\n");
        string trusted = server.Write("trusted.pem", own + files.Text("inter.pem") + files.Text("root.pem"));
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: "secret"));
        string output = await OpenSsl.RunAsync("", [
            "s_client", "-connect", server.Address, "-CAfile", trusted, "-verify_return_error", "-partial_chain",
            .. clientArguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        // The code is 0 also when there is no certificate to verify.
        Assert.Contains("-----BEGIN CERTIFICATE-----", output, StringComparison.Ordinal);
        Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Cipher is (NONE)", output, StringComparison.Ordinal);
        await server.ConnectionAsync();
    }

    private static Task AssertRefusesAsync(string pem, string message, string? passphrase = "secret")
        => AssertRefusesAsync(Encoding.UTF8.GetBytes(pem), message, passphrase);

    private static async Task AssertRefusesAsync(byte[] content, string message, string? passphrase = "secret")
    {
        await using var server = new TlsServer();
        string path = server.Write("server.pem", content);
        await server.StartAsync(listen => listen.UseHttps(path, passphrase: passphrase));
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync());
        Exception exception = (await server.ErrorAsync()).Exception;
        Assert.IsType<CryptographicException>(exception);
        Assert.StartsWith($"The private key in '{path}' ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }
}
