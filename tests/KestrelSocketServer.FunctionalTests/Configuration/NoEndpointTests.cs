using KestrelSocketServer.FunctionalTests.Samples;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace KestrelSocketServer.FunctionalTests.Configuration;

[Trait("Row", "K20")]
public sealed class NoEndpointTests
{
    [Theory]
    [InlineData(false, "SocketServer:Endpoints")]
    [InlineData(true, "Devices:Tcp:Endpoints")]
    public async Task A_server_without_endpoints_warns_where_they_are_looked_for(bool otherSection, string section)
    {
        FakeLogRecord warning = Assert.Single(await StartAsync(otherSection, []), record => record.Id.Name == "NoEndpoint");

        Assert.Equal(LogLevel.Warning, warning.Level);
        Assert.Contains(section, warning.Message, StringComparison.Ordinal);
        Assert.Contains(AppContext.BaseDirectory, warning.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("false", 1)]
    public async Task A_server_whose_endpoints_are_all_disabled_warns_and_one_that_listens_does_not(string enabled, int warnings)
    {
        IReadOnlyList<FakeLogRecord> logs = await StartAsync(otherSection: false, new()
        {
            ["SocketServer:Endpoints:A:Url"] = "127.0.0.1:0",
            ["SocketServer:Endpoints:A:Enabled"] = enabled,
        });

        Assert.Equal(warnings, logs.Count(record => record.Id.Name == "NoEndpoint"));
    }

    [Fact]
    public async Task The_settings_of_a_sample_are_those_beside_its_program_wherever_it_is_started()
    {
        DirectoryInfo elsewhere = Directory.CreateTempSubdirectory("socket-server-");
        try
        {
            // The message shows the address that the settings give.
            await using SampleProcess sample = SampleProcess.StartIn(
                elsewhere.FullName, "SocketsBesideHttp", "--urls", "http://127.0.0.1:0", "--SocketServer:Endpoints:echo:Certificate:Path=none.pem");
            (int exitCode, _, string errors) = await sample.WaitForExitAsync();

            Assert.Equal(1, exitCode);
            Assert.Contains("SocketServer:Endpoints:echo:Url, 'tcp://127.0.0.1:8007', is not encrypted", errors, StringComparison.Ordinal);
        }
        finally
        {
            elsewhere.Delete(recursive: true);
        }
    }

    private static async Task<IReadOnlyList<FakeLogRecord>> StartAsync(bool otherSection, Dictionary<string, string?> settings)
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        TestHost.Collect(builder.Logging);
        builder.Environment.ContentRootPath = AppContext.BaseDirectory;
        builder.Configuration.AddInMemoryCollection(settings);
        Action<SocketServerOptions> configure = server => server.Endpoint("A").Optional().UseSocketHandler(connection => connection.Pipe(connection));
        if (otherSection)
        {
            builder.Services.AddSocketServer(builder.Configuration.GetSection("Devices:Tcp"), configure);
        }
        else
        {
            builder.Services.AddSocketServer(configure);
        }

        await using TestHost host = await TestHost.StartAsync(builder.Build());
        return host.Logs.GetSnapshot();
    }
}
