using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.Chaos;

/// <summary>A process with endpoints of all kinds, and what can be done to it from outside.</summary>
internal sealed class ChaosServer : IAsyncDisposable
{
    public static readonly string[] Echoes = ["events", "pipe", "chunks", "stream"];

    private static readonly string[] Others = ["secure", "source", "throws", "blocks", "proxied"];

    private readonly string _folder = Directory.CreateTempSubdirectory("kestrel-socket-server-").FullName;
    private readonly SemaphoreSlim _asking = new(1);
    private readonly ChildProcess _child;
    private int _certificates;
    private int _settings;

    private ChaosServer()
    {
        SwapCertificate();
        ChangeSettings();

        // The runtime ends a process without descriptors when it wants a thread to compile again what is hot.
        _child = ChildProcess.StartWith(new() { ["DOTNET_TieredCompilation"] = "0" }, "chaos", _folder);
    }

    /// <summary>The addresses of the endpoints by their names.</summary>
    public Dictionary<string, string> Addresses { get; } = [];

    public static async Task<ChaosServer> StartAsync()
    {
        var server = new ChaosServer();
        string line;
        while ((line = await server._child.ReadLineAsync()) != "ready")
        {
            string[] parts = line.Split(' ');
            server.Addresses[parts[0]] = parts[1];
        }

        return server;
    }

    /// <summary>Tells the process something; one at a time.</summary>
    public async Task<string> AskAsync(string command)
    {
        await _asking.WaitAsync().Soon();
        try
        {
            await _child.WriteLineAsync(command);
            return await _child.ReadLineAsync();
        }
        finally
        {
            _asking.Release();
        }
    }

    public async Task<ChaosState> GetStateAsync() => ChaosState.Parse(await AskAsync("state"));

    /// <summary>Its state once that is as it should be, or, if it never gets there, as it is.</summary>
    public async Task<ChaosState> WaitForStateAsync(Func<ChaosState, bool> condition)
    {
        long start = TimeProvider.System.GetTimestamp();
        ChaosState state = await GetStateAsync();
        while (!condition(state) && TimeProvider.System.GetElapsedTime(start) < 2 * Timeouts.Generous)
        {
            // The pace of asking, as each answer collects garbage; what is waited for is the state.
            await Task.Delay(100);
            state = await GetStateAsync();
        }

        return state;
    }

    /// <summary>Puts a new certificate in the place of the one that is served.</summary>
    public void SwapCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=localhost {_certificates++}", key, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Replace("server.pem", made.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    /// <summary>Changes the options of all endpoints, back and forth.</summary>
    public void ChangeSettings() => ChangeSettings(_settings % 2 == 0 ? 1000 : 60);

    /// <param name="maxConnections">How many connections each endpoint may have.</param>
    public void ChangeSettings(int maxConnections)
    {
        bool isEven = _settings++ % 2 == 0;
        var endpoints = Echoes.Concat(Others).ToDictionary(name => name, name => new Dictionary<string, object>
        {
            ["Url"] = name == "secure" ? "tls://127.0.0.1:0" : "127.0.0.1:0",
        });
        endpoints["secure"]["Certificate"] = new { Path = "server.pem" };
        endpoints["secure"]["HandshakeTimeout"] = "00:00:02";
        endpoints["secure"]["KeepLastGoodCertificate"] = true;
        endpoints["proxied"]["ProxyProtocol"] = new { Mode = "Require", TrustedProxies = new[] { "127.0.0.1" }, HeaderTimeout = "00:00:02" };
        var settings = new
        {
            SocketServer = new
            {
                EndpointDefaults = new
                {
                    Limits = new
                    {
                        WriteBufferHardLimit = 1 << 20,
                        WriteBufferSoftLimit = isEven ? 64 * 1024 : 16 * 1024,
                        IdleTimeout = isEven ? "00:00:20" : "00:00:30",
                        FirstByteTimeout = "00:00:15",
                        ReadTimeout = "00:00:20",
                        WriteTimeout = "00:00:10",
                        HalfClosedTimeout = "00:00:10",
                        MaxConnectionAge = "00:00:10",
                        MaxConnectionAgeGrace = "00:00:02",
                        MaxConcurrentConnections = maxConnections,
                        WhenFull = isEven ? "Refuse" : "Wait",
                        MaxConnectionsPerAddress = 500,
                        ConnectionsPerSecond = 100_000,
                        ConnectionsPerSecondPerAddress = 50_000,
                        MaxConcurrentHandshakes = isEven ? 8 : 64,
                    },
                    Access = new { Deny = new[] { "127.0.0.66" } },
                },
                Endpoints = endpoints,
            },
        };
        Replace("appsettings.json", JsonSerializer.Serialize(settings));
    }

    public async ValueTask DisposeAsync()
    {
        await _child.SignalAsync("TERM");
        (int exitCode, string errors) = await _child.WaitForExitAsync();
        _child.Dispose();
        _asking.Dispose();
        Directory.Delete(_folder, recursive: true);
        Assert.Equal("", errors);
        Assert.Equal(0, exitCode);
    }

    // As careful tools do: nobody ever sees half of it.
    private void Replace(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path + ".new", content);
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <summary>What has become of the connections of a process, and what it holds.</summary>
internal sealed record ChaosState(long Opened, long Closed, long Twice, long Unsent, long Rejected, long Reloads, long Active, long Listed, long Memory, long Descriptors, long Threads)
{
    public bool IsQuiet => Opened == Closed && Unsent == 0 && Active == 0 && Listed == 0;

    public static ChaosState Parse(string line)
    {
        Dictionary<string, long> values = line.Split(' ').Select(part => part.Split('=')).ToDictionary(
            part => part[0], part => long.Parse(part[1], CultureInfo.InvariantCulture));
        return new ChaosState(
            values["opened"], values["closed"], values["twice"], values["unsent"], values["rejected"], values["reloads"], values["active"], values["listed"], values["memory"], values["descriptors"], values["threads"]);
    }
}
