using System.Security.Cryptography;
using System.Text;

namespace KestrelSocketServer.Tls;

/// <summary>
/// A private key encrypted in OpenSSL's traditional way, with headers (<c>Proc-Type: 4,ENCRYPTED</c>), which .NET does not read.
/// </summary>
internal sealed class TraditionalPem
{
    private const string DekInfo = "DEK-Info:";

    private readonly byte[] _iv;
    private readonly byte[] _data;

    private TraditionalPem(string cipher, byte[] iv, byte[] data)
    {
        Cipher = cipher;
        _iv = iv;
        _data = data;
    }

    public string Cipher { get; }

    public bool IsSupported => KeySize > 0;

    private int KeySize => Cipher switch
    {
        "DES-CBC" => 8,
        "AES-128-CBC" => 16,
        "AES-192-CBC" or "DES-EDE3-CBC" => 24,
        "AES-256-CBC" => 32,
        _ => 0,
    };

    /// <summary>The key in a block; null when the block is not encrypted so.</summary>
    /// <exception cref="CryptographicException">It is broken.</exception>
    public static TraditionalPem? From(PemBlock block)
    {
        if (block.Headers.FirstOrDefault(header => header.StartsWith(DekInfo, StringComparison.Ordinal)) is not { } header)
        {
            return null;
        }

        string[] parts = header[DekInfo.Length..].Split(',', StringSplitOptions.TrimEntries);
        try
        {
            return new TraditionalPem(parts[0], Convert.FromHexString(parts.Length > 1 ? parts[1] : ""), block.Content!);
        }
        catch (FormatException exception)
        {
            throw new CryptographicException($"Its header '{header}' is wrong: {exception.Message}", exception);
        }
    }

    /// <summary>Decrypts the key.</summary>
    /// <exception cref="CryptographicException">The passphrase is wrong.</exception>
    public byte[] Decrypt(string passphrase)
    {
#pragma warning disable CA5350, CA5351 // The file was encrypted so.
        using SymmetricAlgorithm cipher = Cipher switch
        {
            "DES-CBC" => DES.Create(),
            "DES-EDE3-CBC" => TripleDES.Create(),
            _ => Aes.Create(),
        };
#pragma warning restore CA5350, CA5351
        if (_iv.Length != cipher.BlockSize / 8)
        {
            throw new CryptographicException("The initialization vector has the wrong length.");
        }

        cipher.Key = DeriveKey(passphrase);
        return cipher.DecryptCbc(_data, _iv);
    }

    // OpenSSL's EVP_BytesToKey with MD5, one round, and the first half of the vector as salt.
    private byte[] DeriveKey(string passphrase)
    {
        byte[] secret = [.. Encoding.UTF8.GetBytes(passphrase), .. _iv.AsSpan(0, 8)];
        var key = new List<byte>();
        byte[] digest = [];
        while (key.Count < KeySize)
        {
#pragma warning disable CA5351 // The file was encrypted so.
            digest = MD5.HashData([.. digest, .. secret]);
#pragma warning restore CA5351
            key.AddRange(digest);
        }

        return [.. key.Take(KeySize)];
    }
}
