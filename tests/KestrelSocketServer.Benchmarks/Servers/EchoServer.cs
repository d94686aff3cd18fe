using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// The process that is measured: an echo in one style. Its first line of output is the port; then it answers a line for
/// each line of input, until that ends.
/// </summary>
internal static class EchoServer
{
    public const string Verb = "server";
    public const string AllocatedQuestion = "allocated";
    public const string MemoryQuestion = "memory";
    public const string ProcessorTimeQuestion = "processor";

    public static async Task RunAsync(EchoStyle style)
    {
        using IHost host = style == EchoStyle.Bare ? CreateBare(style) : CreateOurs(style);
        await host.StartAsync();
        Console.WriteLine(FindPort(host, style));

        // Not asynchronous: a thread that waits for questions costs the server nothing while it is measured.
        while (Console.In.ReadLine() is { } question)
        {
            Console.WriteLine(Answer(question));
        }

        await host.StopAsync();
    }

    private static WebApplication CreateBare(EchoStyle style)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => style.Configure(listen)));
        return builder.Build();
    }

    private static IHost CreateOurs(EchoStyle style)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server => server.Listen(Verb, 0, listen => style.Configure(listen)));
        return builder.Build();
    }

    private static int FindPort(IHost host, EchoStyle style) => style == EchoStyle.Bare
        ? new Uri(host.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port
        : IPEndPoint.Parse(host.Services.GetRequiredKeyedService<ISocketServer>(Verb).Address!).Port;

    private static string Answer(string question) => question switch
    {
        AllocatedQuestion => GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture),
        MemoryQuestion => string.Create(CultureInfo.InvariantCulture, $"{CollectAndMeasure()} {Environment.WorkingSet}"),
        ProcessorTimeQuestion => Environment.CpuUsage.TotalTime.Ticks.ToString(CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"'{question}' is no question."),
    };

    private static long CollectAndMeasure()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
