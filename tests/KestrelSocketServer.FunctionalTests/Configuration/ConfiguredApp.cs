using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>A host in a folder of its own, with a real appsettings.json that can be rewritten while it runs.</summary>
internal sealed class ConfiguredApp : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder;
    private readonly IHost _host;
    private readonly SemaphoreSlim _changes = new(0);

    private ConfiguredApp(DirectoryInfo folder, IHost host)
    {
        _folder = folder;
        _host = host;
        Servers = host.Services.GetRequiredService<ISocketServers>();
        Servers.Changed += () => _changes.Release();
        Servers.ReloadFailed += exception =>
        {
            LastFailure = exception;
            _changes.Release();
        };
    }

    /// <summary>The content root, which goes with the app.</summary>
    public string Folder => _folder.FullName;

    public ISocketServers Servers { get; }

    public Exception? LastFailure { get; private set; }

    public FakeLogCollector Logs => _host.Services.GetFakeLogCollector();

    public static Task<ConfiguredApp> StartAsync(object settings, Action<HostApplicationBuilder> configure, params string[] args)
        => StartAsync([], settings, configure, args);

    public static async Task<ConfiguredApp> StartAsync(
        Dictionary<string, string> files, object settings, Action<HostApplicationBuilder> configure, params string[] args)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("socket-server-");
        try
        {
            foreach ((string name, string content) in files)
            {
                await File.WriteAllTextAsync(Path.Combine(folder.FullName, name), content);
            }

            Write(folder, settings);
            HostApplicationBuilder builder = Host.CreateApplicationBuilder(
                new HostApplicationBuilderSettings { ContentRootPath = folder.FullName, Args = args });
            builder.Logging.ClearProviders().AddFakeLogging();
            configure(builder);
            IHost host = builder.Build();
            var app = new ConfiguredApp(folder, host);
            await host.StartAsync().WaitAsync(Generous);
            return app;
        }
        catch
        {
            folder.Delete(recursive: true);
            throw;
        }
    }

    public void Write(object settings) => Write(_folder, settings);

    public void WriteText(string text) => File.WriteAllText(Path.Combine(_folder.FullName, "appsettings.json"), text);

    public string? AddressOf(string name) => Servers.TryGet(name, out ISocketServer? server) ? server.Address : null;

    public int PortOf(string name) => IPEndPoint.Parse(AddressOf(name)!).Port;

    /// <summary>Waits, from change to change, until the servers are as asked for.</summary>
    public async Task UntilAsync(Func<bool> condition)
    {
        using var timeout = new CancellationTokenSource(Generous);
        while (!condition())
        {
            await _changes.WaitAsync(timeout.Token);
        }
    }

    public async Task<TcpClient> ConnectAsync(string name)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(AddressOf(name)!)).WaitAsync(Generous);
        return client;
    }

    /// <summary>Sends a text and waits for as many bytes of answer.</summary>
    public static async Task<string> AskAsync(TcpClient client, string text)
    {
        byte[] question = Encoding.UTF8.GetBytes(text);
        await client.GetStream().WriteAsync(question).AsTask().WaitAsync(Generous);
        byte[] answer = new byte[question.Length];
        await client.GetStream().ReadExactlyAsync(answer).AsTask().WaitAsync(Generous);
        return Encoding.UTF8.GetString(answer);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync().WaitAsync(Generous);
        _host.Dispose();
        _folder.Delete(recursive: true);
    }

    // In one step, so that nobody reads half of it.
    private static void Write(DirectoryInfo folder, object settings)
    {
        string file = Path.Combine(folder.FullName, "appsettings.json");
        File.WriteAllText(file + ".new", JsonSerializer.Serialize(settings));
        File.Move(file + ".new", file, overwrite: true);
    }
}
