using System.Security.Cryptography.X509Certificates;

namespace SocketsBesideHttp;

/// <summary>A certificate for localhost, made on the first run and kept in the user's own folder.</summary>
internal static class DevelopmentCertificate
{
    /// <summary>The name of the endpoint that uses it.</summary>
    public const string Endpoint = "secure";

    public static string Location { get; } = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create) is { Length: > 0 } data ? data : Path.GetTempPath(),
        "KestrelSocketServer",
        "localhost.pem");

    /// <summary>Makes it if it is missing or about to expire.</summary>
    /// <returns>Its path.</returns>
    public static string Ensure()
    {
        if (!File.Exists(Location) || X509CertificateLoader.LoadCertificateFromFile(Location).NotAfter < DateTime.Now.AddDays(1))
        {
            // Complete before it is in its place: another process may look at the same time.
            Directory.CreateDirectory(Path.GetDirectoryName(Location)!);
            string made = $"{Location}.{Guid.NewGuid():N}";
            SelfSignedCertificate.WriteNew(made, SelfSignedCertificate.CreatePem("localhost"));
            File.Move(made, Location, overwrite: true);
        }

        return Location;
    }
}
