using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Keys and certificates in the files that the openssl command writes.</summary>
public sealed class PemFiles : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kestrel-socket-server-").FullName;

    /// <summary>A chain of <c>root</c>, <c>inter</c> and <c>leaf</c>, and <c>other</c>, a leaf of the same issuer; keys in PKCS#8.</summary>
    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(
            PathOf("ca.ext"), "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
        await File.WriteAllTextAsync(PathOf("leaf.ext"), "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n");
        await IssueAsync("root", "root", "ca");
        await IssueAsync("inter", "root", "ca");
        await IssueAsync("leaf", "inter", "leaf");
        await IssueAsync("other", "inter", "leaf");
    }

    public string PathOf(string name) => Path.Combine(_folder, name);

    public string Text(string name) => File.ReadAllText(PathOf(name));

    public byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

    public X509Certificate2 Certificate(string name) => X509CertificateLoader.LoadCertificateFromFile(PathOf(name + ".pem"));

    /// <summary>Runs the openssl command among the files.</summary>
    public Task RunAsync(params string[] arguments) => OpenSsl.RunInAsync(_folder, arguments);

    /// <summary>Runs it and gives the file that it has written.</summary>
    public async Task<string> WriteAsync(string name, params string[] arguments)
    {
        await RunAsync([.. arguments, "-out", name]);
        return Text(name);
    }

    /// <summary>Makes a key and a certificate of the same name.</summary>
    /// <param name="name">The name of both, and of the subject.</param>
    /// <param name="issuer">Whose key signs; the same as the name for one that is self-signed.</param>
    /// <param name="extensions">The file with its extensions.</param>
    /// <param name="key">How the key is made; as EC P-256 by default.</param>
    public async Task IssueAsync(string name, string issuer, string extensions, params string[] key)
    {
        string[] arguments = key.Length > 0 ? key : ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        await RunAsync(["genpkey", .. arguments, "-out", $"{name}.key"]);
        await CertifyAsync(name, name, issuer, extensions);
    }

    /// <summary>Makes a certificate for a key that is there.</summary>
    public async Task CertifyAsync(string name, string key, string issuer, string extensions)
    {
        await RunAsync("req", "-new", "-key", $"{key}.key", "-subj", $"/CN={key}", "-out", $"{name}.csr");
        string[] signer = issuer == name
            ? ["-signkey", $"{key}.key"]
            : ["-CA", $"{issuer}.pem", "-CAkey", $"{issuer}.key", "-CAcreateserial"];
        await RunAsync([
            "x509", "-req", "-in", $"{name}.csr", .. signer, "-extfile", $"{extensions}.ext", "-days", "9", "-out", $"{name}.pem"]);
    }

    public Task DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }
}
