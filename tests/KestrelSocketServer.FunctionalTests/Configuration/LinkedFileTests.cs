using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>Settings as Kubernetes mounts them: the file is a link by way of the folder <c>..data</c>, which is a link that is swapped.</summary>
[Trait("Row", "K23")]
public sealed class LinkedFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("socket-server-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_is_a_link_is_named_with_the_setting_that_makes_it_followed(bool isLink)
    {
        await PointAsync("1", "A");
        string file = PathOf("appsettings.json");
        if (isLink)
        {
            File.CreateSymbolicLink(file, "..data/appsettings.json");
        }
        else
        {
            File.Copy(PathOf("..data/appsettings.json"), file);
        }

        await using TestHost host = await StartAsync(new PhysicalFileProvider(_folder.FullName));

        FakeLogRecord[] records = [.. host.Logs.GetSnapshot().Where(record => record.Id.Name == "LinkedConfigurationFile")];
        Assert.Equal(isLink ? 1 : 0, records.Length);
        Assert.All(records, record =>
        {
            Assert.Equal(LogLevel.Information, record.Level);
            Assert.Contains(file, record.Message, StringComparison.Ordinal);
            Assert.Contains("DOTNET_USE_POLLING_FILE_WATCHER=1", record.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task The_polling_watcher_follows_the_swap_of_the_link_and_tells_a_broken_file()
    {
        await PointAsync("1", "A");
        File.CreateSymbolicLink(PathOf("appsettings.json"), "..data/appsettings.json");
        await using TestHost host = await StartAsync(new PhysicalFileProvider(_folder.FullName) { UsePollingFileWatcher = true, UseActivePolling = true });
        Assert.DoesNotContain(host.Logs.GetSnapshot(), record => record.Id.Name == "LinkedConfigurationFile");
        var failed = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        var moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Servers.ReloadFailed += exception => failed.TrySetResult(exception);
        host.Servers.Changed += () =>
        {
            if (host.Servers.Any(server => server is { Name: "B", Address: not null }))
            {
                moved.TrySetResult();
            }
        };

        await PointAsync("2", "B", "}");
        Assert.Contains("appsettings.json", (await failed.Task.Soon()).Message, StringComparison.Ordinal);
        Assert.NotNull(host.Server("A").Address);
        await PointAsync("3", "B");
        await moved.Task.Soon();
        Assert.Single(host.Logs.GetSnapshot(), record => record.Id.Name == "ReloadFailed");
        host.Logs.Clear();
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    // In one step, as the kubelet does it.
    private async Task PointAsync(string version, string endpoint, string end = "")
    {
        Directory.CreateDirectory(PathOf(version));
        await File.WriteAllTextAsync(
            PathOf($"{version}/appsettings.json"),
            $$"""{ "SocketServer": { "Endpoints": { "{{endpoint}}": { "Url": "127.0.0.1:0" } } } }{{end}}""");
        File.CreateSymbolicLink(PathOf("..new"), version);
        using var rename = Process.Start("mv", ["-T", PathOf("..new"), PathOf("..data")]);
        await rename.WaitForExitAsync().Soon();
        Assert.Equal(0, rename.ExitCode);
    }

    private static Task<TestHost> StartAsync(IFileProvider files)
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        TestHost.Collect(builder.Logging);
        builder.Configuration.AddJsonFile(files, "appsettings.json", optional: false, reloadOnChange: true);
        builder.Services.AddSocketServer(server =>
        {
            server.Endpoint("A").Optional().UseSocketHandler(connection => connection.Pipe(connection));
            server.Endpoint("B").Optional().UseSocketHandler(connection => connection.Pipe(connection));
        });
        return TestHost.StartAsync(builder.Build());
    }
}
