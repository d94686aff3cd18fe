using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer;

/// <summary>A certificate in configuration: a file by <see cref="Path"/>, or one of a store by <see cref="Subject"/>.</summary>
public sealed class SocketCertificateOptions
{
    /// <summary>A PEM or PKCS#12 file, relative to the content root of the host, as <see cref="TlsCertificate.FromFile"/> takes it.</summary>
    public string? Path { get; set; }

    /// <summary>A PEM file with the private key, where <see cref="Path"/> does not have it.</summary>
    public string? KeyPath { get; set; }

    /// <summary>The passphrase of the private key, or of the PKCS#12 file. Keep it out of files that are shared.</summary>
    public string? Passphrase { get; set; }

    /// <summary>The subject of a certificate in a store, or a part of it, as <see cref="TlsCertificate.FromStore"/> takes it.</summary>
    public string? Subject { get; set; }

    /// <summary>The store.</summary>
    /// <remarks>Defaults to <see cref="StoreName.My"/>.</remarks>
    public StoreName Store { get; set; } = StoreName.My;

    /// <summary>The location of the store.</summary>
    /// <remarks>Defaults to <see cref="StoreLocation.CurrentUser"/>.</remarks>
    public StoreLocation Location { get; set; } = StoreLocation.CurrentUser;

    /// <summary>Whether a certificate of the store that is not valid, such as a self-signed one, will do.</summary>
    /// <remarks>Defaults to false.</remarks>
    public bool AllowInvalid { get; set; }

    internal TlsCertificate ToCertificate()
        => Path is not null ? TlsCertificate.FromFile(Path, KeyPath, Passphrase) : TlsCertificate.FromStore(Subject!, Store, Location, AllowInvalid);
}
