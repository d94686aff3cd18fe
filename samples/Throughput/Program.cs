using System.Diagnostics;
using KestrelSocketServer;

// Counts what it receives, and prints the throughput when the client leaves: dotnet run --project samples/Throughput [address]
HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
builder.Services.AddSocketServer(server => server.Listen("throughput", args.ElementAtOrDefault(0) ?? "127.0.0.1:0", listen => listen
    .UseSocketHandler(connection =>
    {
        long bytes = 0;
        long started = Stopwatch.GetTimestamp();
        string? client = connection.RemoteAddress;

        connection.Data += chunk => bytes += chunk.Length;
        connection.Closed += () =>
        {
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            double mebibytes = bytes / (1024.0 * 1024.0);
            Console.WriteLine($"{client}: {bytes} bytes in {seconds:0.000} s: {mebibytes / seconds:0.0} MiB/s");
        };
    })));

using IHost host = builder.Build();
await host.StartAsync();
Console.WriteLine($"Listening on {host.Services.GetRequiredKeyedService<ISocketServer>("throughput").Address}");
await host.WaitForShutdownAsync();
