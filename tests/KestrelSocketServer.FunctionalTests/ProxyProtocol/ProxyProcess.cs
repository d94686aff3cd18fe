using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KestrelSocketServer.FunctionalTests.Documents;
using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.ProxyProtocol;

/// <summary>
/// A real HAProxy or nginx on a port of its own, with a configuration as the chapter has it but for addresses and paths. Disposing it ends it.
/// </summary>
internal sealed class ProxyProcess : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("socket-server-");
    private readonly ReservedPort _port = new();
    private Process? _process;
    private bool _isDisposed;

    private ProxyProcess()
    {
    }

    /// <summary>The address that it listens on.</summary>
    public string Address => _port.ToString();

    public static Task<ProxyProcess> StartHAProxyAsync(int number, ISocketServer server, Func<string, string>? change = null) => StartAsync(
        "haproxy", "haproxy", "New worker", ["-W", "-f", "proxy.conf"], ReadSnippet("haproxy", number), "bind :8007", server, change);

    public static Task<ProxyProcess> StartNginxAsync(int number, ISocketServer server) => StartAsync(
        "nginx",
        "nginx libnginx-mod-stream",
        "start worker process ",
        ["-p", ".", "-c", "proxy.conf", "-e", "stderr"],
        $$"""
        load_module /usr/lib/nginx/modules/ngx_stream_module.so;
        daemon off;
        pid nginx.pid;
        error_log stderr notice;
        events {}
        {{ReadSnippet("nginx", number)}}
        """,
        "listen 8007",
        server,
        change: null);

    public Task<RawClient> ConnectAsync(TestTransport? transport = null) => RawClient.ConnectAsync(Address, transport);

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
        }

        _process?.Dispose();
        _port.Dispose();
        _folder.Delete(recursive: true);
    }

    private static async Task<ProxyProcess> StartAsync(
        string command, string packages, string ready, string[] arguments, string configuration, string listen, ISocketServer server, Func<string, string>? change)
    {
        var proxy = new ProxyProcess();
        try
        {
            string folder = proxy._folder.FullName;
            configuration = configuration
                .Replace(listen, $"{listen.Split(' ')[0]} {proxy.Address}", StringComparison.Ordinal)
                .Replace("10.0.1.20:8007", server.Address, StringComparison.Ordinal)
                .Replace("inter 2s", "inter 50ms", StringComparison.Ordinal)
                .Replace($"/etc/{command}/", folder + "/", StringComparison.Ordinal);
            await File.WriteAllTextAsync(Path.Combine(folder, "proxy.conf"), change?.Invoke(configuration) ?? configuration);
            await proxy.WriteCertificatesAsync();
            proxy.Run(command, packages, arguments);
            await proxy.WaitUntilReadyAsync(ready, packages);
            return proxy;
        }
        catch
        {
            proxy.Dispose();
            throw;
        }
    }

    private static string ReadSnippet(string language, int number) => File
        .ReadAllText(Repository.PathOf("src/KestrelSocketServer/ProxyProtocol/README.md"))
        .Split($"```{language}\n")[number]
        .Split("```")[0];

    // For those who end TLS; the client's certificate is the same one.
    private async Task WriteCertificatesAsync()
    {
        string certificate = TestCertificate.Instance.ExportCertificatePem() + "\n";
        using ECDsa privateKey = TestCertificate.Instance.GetECDsaPrivateKey()!;
        string key = privateKey.ExportPkcs8PrivateKeyPem();
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "server.pem"), certificate + key);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "clients.pem"), certificate);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "server.crt"), certificate);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "server.key"), key);
    }

    private void Run(string command, string packages, string[] arguments)
    {
        try
        {
            _process = Process.Start(new ProcessStartInfo(command, arguments) { WorkingDirectory = _folder.FullName, RedirectStandardError = true })!;
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException($"{command} cannot be run: apt-get install {packages}", exception);
        }
    }

    // It has bound its sockets before it says so.
    private async Task WaitUntilReadyAsync(string ready, string packages)
    {
        var told = new StringBuilder();
        StreamReader errors = _process!.StandardError;
        while (await errors.ReadLineAsync().Soon() is { } line)
        {
            told.AppendLine(line);
            if (line.Contains(ready, StringComparison.Ordinal))
            {
                // Read on, so that it never waits for a reader.
                _ = errors.ReadToEndAsync();
                return;
            }
        }

        throw new InvalidOperationException($"It has not started; is something missing of apt-get install {packages}?\n{told}");
    }
}
