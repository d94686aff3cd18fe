using System.Diagnostics;
using KestrelSocketServer.FunctionalTests.Samples;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class StopWhileStartingTests
{
    private const int Interrupted = 130;
    private const int Terminated = 143;
    private const int Starts = 30;
    private const int AtTheSameTime = 3;

    [Fact]
    [Trait("Row", "H20")]
    public async Task An_application_that_is_stopped_while_it_starts_just_stops()
    {
        using var port = new ReservedPort();
        await using TestHost host = await TestHost.StartAsync(
            server => server.Listen("echo", port.ToString(), Echo),
            services => services.Insert(0, ServiceDescriptor.Singleton<IHostedService, Stopper>()));
        Assert.Null(host.Server("echo").Address);
        await Tcp.AssertRefusedAsync(port.EndPoint);
    }

    [Fact]
    [Trait("Row", "H20")]
    public async Task A_start_that_its_caller_gives_up_fails()
    {
        HostApplicationBuilder builder = TestHost.CreateEmptyBuilder();
        builder.Services.AddSocketServer(server => server.Listen("echo", 0, Echo));
        using IHost host = builder.Build();
        using var given = new CancellationTokenSource();
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.StartAsync(given.Token));
        Assert.Null(host.Services.GetRequiredKeyedService<ISocketServer>("echo").Address);
    }

    [Theory]
    [InlineData("Echo")]
    [InlineData("SocketsBesideHttp")]
    [Trait("Row", "H20")]
    public async Task A_signal_at_any_moment_of_the_start_ends_it_in_order(string sample)
    {
        string folder = Directory.CreateTempSubdirectory("kss").FullName;
        try
        {
            TimeSpan start = await MeasureStartAsync(sample, folder);
            foreach (int[] group in Enumerable.Range(0, Starts / 2).Chunk(AtTheSameTime))
            {
                // Each waits for its own process, no longer than it may.
                await Task.WhenAll(group.Select(number => StopAsync(sample, folder, number, start)));
            }

            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The moments are spread over the start, somewhat at random: when a process is how far is not to be told anyway.
    private static async Task StopAsync(string sample, string folder, int number, TimeSpan start)
    {
        await using SampleProcess process = Start(sample, folder, number);
        await Task.Delay(start * ((number + Random.Shared.NextDouble()) * 2.2 / Starts));
        await process.SignalAsync("TERM");
        (int exitCode, _, string errors) = await process.WaitForExitAsync();
        Assert.True(exitCode is 0 or Interrupted or Terminated, $"{exitCode}: {errors}");
    }

    private static async Task<TimeSpan> MeasureStartAsync(string sample, string folder)
    {
        long begin = Stopwatch.GetTimestamp();
        await using SampleProcess process = Start(sample, folder, Starts);
        await process.ReadLineAsync();
        TimeSpan start = Stopwatch.GetElapsedTime(begin);
        await process.SignalAsync("TERM");
        await process.WaitForExitAsync();
        return start;
    }

    private static SampleProcess Start(string sample, string folder, int number)
    {
        string address = $"unix://{Path.Combine(folder, $"{number}.sock")}";
        return sample == "Echo" ? SampleProcess.Start(sample, address) : SampleProcess.Start(
            sample, "--urls", "http://127.0.0.1:0", $"--SocketServer:Endpoints:echo:Url={address}", "--SocketServer:Endpoints:chat:Url=127.0.0.1:0",
            "--SocketServer:Endpoints:secure:Url=tls://127.0.0.1:0");
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    private sealed class Stopper(IHostApplicationLifetime lifetime) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.StopApplication();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
