using System.Net;
using System.Net.Sockets;
using CsCheck;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class RandomReloadTests
{
    private const int Changes = 200;

    private static readonly string[] Names = ["A", "B", "C", "D"];

    // A port of 0 stands for a value that is not allowed.
    private static readonly Gen<(int Name, int Port, int Backlog, bool Enabled)[][]> Configurations =
        Gen.Select(Gen.Int[0, Names.Length - 1], Gen.Int[0, 5], Gen.Int[1, 3], Gen.Frequency((5, Gen.Const(true)), (1, Gen.Const(false))))
            .Array[0, 4].Array[Changes];

    [Fact]
    [Trait("Row", "K4")]
    public async Task After_any_changes_the_ports_are_those_of_the_last_valid_one_and_an_untouched_endpoint_lost_nobody()
    {
        int[] ports = FreePorts(5);
        var source = new ReplaceableConfiguration();
        source.Replace(Settings([], ports));
        using IHost host = Build(source);
        await host.StartAsync();
        ISocketServers servers = host.Services.GetRequiredService<ISocketServers>();
        string stayed = servers.Single(server => server.Name == "Stay").Address!;
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(stayed));

        await Configurations.SampleAsync(
            async configurations =>
            {
                HashSet<int> expected = [];
                foreach ((int Name, int Port, int Backlog, bool Enabled)[] configuration in configurations)
                {
                    var endpoints = configuration.DistinctBy(endpoint => endpoint.Name).ToArray();
                    await ChangeAsync(servers, () => source.Replace(Settings(endpoints, ports)));

                    int[] wanted = [.. endpoints.Where(endpoint => endpoint.Enabled).Select(endpoint => endpoint.Port)];
                    if (endpoints.All(endpoint => endpoint.Port != 0) && wanted.Distinct().Count() == wanted.Length)
                    {
                        expected = [.. wanted.Select(port => ports[port - 1])];
                    }

                    Assert.Equal(expected.Order(), servers.Where(server => server.Name != "Stay" && server.Address is not null)
                        .Select(server => ((IPEndPoint)server.EndPoint!).Port).Order());
                    Assert.Equal("still here", await ConfiguredApp.AskAsync(client, "still here"));
                }

                foreach (int port in ports)
                {
                    using var probe = new TcpClient();
                    Exception? refused = await Record.ExceptionAsync(() => probe.ConnectAsync(IPAddress.Loopback, port));
                    Assert.Equal(expected.Contains(port), refused is null);
                }
            },
            iter: 1,
            threads: 1);

        Assert.Equal(stayed, servers.Single(server => server.Name == "Stay").Address);
        await host.StopAsync();
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task Of_a_burst_of_changes_from_many_threads_none_is_lost_and_few_are_applied_one_by_one()
    {
        var source = new ReplaceableConfiguration();
        source.Replace([]);
        using IHost host = Build(source);
        await host.StartAsync();
        ISocketServers servers = host.Services.GetRequiredService<ISocketServers>();
        int reloads = 0;
        var last = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        servers.Reloaded += () =>
        {
            Interlocked.Increment(ref reloads);
            if (servers.Any(server => server.Name == "Stay" && server.Address is not null))
            {
                last.TrySetResult();
            }
        };

        Parallel.For(0, 1000, i => source.Replace(new() { ["SocketServer:Endpoints:A:Url"] = "0", ["SocketServer:Endpoints:A:Socket:Backlog"] = $"{i + 1}" }));
        source.Replace(new() { ["SocketServer:Endpoints:Stay:Url"] = "0" });
        await last.Task.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal("Stay", Assert.Single(servers, server => server.Address is not null).Name);
        Assert.InRange(reloads, 1, 999);
        await host.StopAsync();
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task A_change_while_the_host_stops_leaves_nothing_listening()
    {
        var source = new ReplaceableConfiguration();
        source.Replace(Settings([], []));
        using IHost host = Build(source);
        await host.StartAsync();
        ISocketServers servers = host.Services.GetRequiredService<ISocketServers>();

        Task changing = Task.Run(() => Parallel.For(0, 200, i => source.Replace(new() { ["SocketServer:Endpoints:A:Url"] = "0", ["SocketServer:Endpoints:A:Socket:Backlog"] = $"{i + 1}" })));
        await host.StopAsync().WaitAsync(TimeSpan.FromSeconds(30));
        await changing.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.All(servers, server => Assert.Null(server.Address));
    }

    private static IHost Build(ReplaceableConfiguration source)
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        builder.Configuration.Sources.Add(source);
        builder.Services.AddSocketServer(server =>
        {
            foreach (string name in (string[])[.. Names, "Stay"])
            {
                server.Endpoint(name).Optional().UseSocketHandler(connection => connection.Pipe(connection));
            }
        });
        return builder.Build();
    }

    private static Dictionary<string, string?> Settings((int Name, int Port, int Backlog, bool Enabled)[] endpoints, int[] ports)
    {
        var settings = new Dictionary<string, string?> { ["SocketServer:Endpoints:Stay:Url"] = "127.0.0.1:0" };
        foreach ((int name, int port, int backlog, bool enabled) in endpoints)
        {
            string path = $"SocketServer:Endpoints:{Names[name]}";
            settings[$"{path}:Url"] = port == 0 ? "nowhere:1" : $"127.0.0.1:{ports[port - 1]}";
            settings[$"{path}:Socket:Backlog"] = $"{backlog}";
            settings[$"{path}:Enabled"] = $"{enabled}";
        }

        return settings;
    }

    private static async Task ChangeAsync(ISocketServers servers, Action change)
    {
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Action onReloaded = () => over.TrySetResult();
        Action<Exception> onFailed = _ => over.TrySetResult();
        servers.Reloaded += onReloaded;
        servers.ReloadFailed += onFailed;
        change();
        await over.Task.WaitAsync(TimeSpan.FromSeconds(30));
        servers.Reloaded -= onReloaded;
        servers.ReloadFailed -= onFailed;
    }

    // Below the range from which the operating system gives ports to others.
    private static int[] FreePorts(int count)
    {
        var listeners = new List<TcpListener>();
        for (int port = 20000 + (Environment.ProcessId % 1000 * 10); listeners.Count < count; port++)
        {
            var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                listeners.Add(listener);
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }

        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        listeners.ForEach(listener => listener.Stop());
        return ports;
    }
}

/// <summary>Configuration that a test replaces as a whole.</summary>
internal sealed class ReplaceableConfiguration : ConfigurationProvider, IConfigurationSource
{
    private readonly Lock _replacing = new();

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    // One change at a time: the framework's own chain from a provider to the configuration may lose one of several at once.
    public void Replace(Dictionary<string, string?> settings)
    {
        lock (_replacing)
        {
            Data = new Dictionary<string, string?>(settings, StringComparer.OrdinalIgnoreCase);
            OnReload();
        }
    }
}
