using System.Security.Cryptography;

namespace KestrelSocketServer.Tls;

/// <summary>A private key cannot be decrypted. The message goes on after the name of the key: "is encrypted, and …".</summary>
internal sealed class PassphraseException(string message, Exception? innerException = null)
    : CryptographicException(message, innerException);
