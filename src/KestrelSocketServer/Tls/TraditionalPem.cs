using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace KestrelSocketServer;

/// <summary>
/// A private key encrypted in OpenSSL's traditional way, with headers (<c>Proc-Type: 4,ENCRYPTED</c>), which .NET does not read.
/// </summary>
internal sealed partial class TraditionalPem
{
    private readonly string _cipher;
    private readonly byte[] _iv;
    private readonly byte[] _data;

    private TraditionalPem(string cipher, byte[] iv, byte[] data)
    {
        _cipher = cipher;
        _iv = iv;
        _data = data;
    }

    /// <summary>The first such key in a text; null when there is none.</summary>
    /// <exception cref="CryptographicException">It is broken.</exception>
    public static TraditionalPem? Find(string text)
    {
        Match match = Block().Match(text);
        if (!match.Success)
        {
            return null;
        }

        try
        {
            return new TraditionalPem(
                match.Groups["cipher"].Value, Convert.FromHexString(match.Groups["iv"].Value), Convert.FromBase64String(match.Groups["data"].Value));
        }
        catch (FormatException exception)
        {
            throw new CryptographicException($"The encrypted private key is broken: {exception.Message}", exception);
        }
    }

    /// <summary>Decrypts the key.</summary>
    /// <exception cref="CryptographicException">The passphrase is wrong, or the cipher unknown.</exception>
    public byte[] Decrypt(string passphrase)
    {
        using SymmetricAlgorithm cipher = CreateCipher(out int keySize);
        if (_iv.Length != cipher.BlockSize / 8)
        {
            throw new CryptographicException("The initialization vector has the wrong length.");
        }

        cipher.Key = DeriveKey(passphrase, keySize);
        return cipher.DecryptCbc(_data, _iv);
    }

    private SymmetricAlgorithm CreateCipher(out int keySize)
    {
        keySize = _cipher switch
        {
            "AES-128-CBC" => 16,
            "AES-192-CBC" or "DES-EDE3-CBC" => 24,
            "AES-256-CBC" => 32,
            _ => throw new CryptographicException($"The cipher {_cipher} is not supported; encrypt the key with AES, best as PKCS#8 (openssl pkcs8 -topk8)."),
        };
#pragma warning disable CA5350 // The file was encrypted so.
        return _cipher.StartsWith("AES", StringComparison.Ordinal) ? Aes.Create() : TripleDES.Create();
#pragma warning restore CA5350
    }

    // OpenSSL's EVP_BytesToKey with MD5, one round, and the first half of the vector as salt.
    private byte[] DeriveKey(string passphrase, int size)
    {
        byte[] secret = [.. Encoding.UTF8.GetBytes(passphrase), .. _iv.AsSpan(0, 8)];
        var key = new List<byte>();
        byte[] digest = [];
        while (key.Count < size)
        {
#pragma warning disable CA5351 // The file was encrypted so.
            digest = MD5.HashData([.. digest, .. secret]);
#pragma warning restore CA5351
            key.AddRange(digest);
        }

        return [.. key.Take(size)];
    }

    [GeneratedRegex(
        @"-----BEGIN (?<label>[A-Z]+ PRIVATE KEY)-----\r?\nProc-Type: 4,ENCRYPTED\r?\nDEK-Info: (?<cipher>[A-Z0-9-]+),(?<iv>[0-9A-Fa-f]{16,32})\r?\n\r?\n(?<data>[A-Za-z0-9+/=\s]+)-----END \k<label>-----",
        RegexOptions.CultureInvariant)]
    private static partial Regex Block();
}
