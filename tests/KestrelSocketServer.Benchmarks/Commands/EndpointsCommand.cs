using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Starts many endpoints, every other one with TLS, and tells what each costs. Fails where they cost more than they may.</summary>
internal static class EndpointsCommand
{
    private const string Usage = "endpoints [--count N]";
    private const int WarmUpCount = 50;
    private const int MaxThreads = 4;
    private const int MaxBytes = 10 * 1024;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(3);

    /// <returns>Whether they cost no more than they may.</returns>
    public static async Task<bool> RunAsync(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int count = line.TakeNumber("--count", 1000);
        line.End();

        await using LibraryServer warmUp = Create(WarmUpCount);
        AnswerAll(await warmUp.StartAsync());
        (int threads, long bytes) before = Measure();

        LibraryServer server = Create(count);
        long started = Stopwatch.GetTimestamp();
        IReadOnlyList<int> ports = await server.StartAsync();
        TimeSpan start = Stopwatch.GetElapsedTime(started);
        (int threads, long bytes) after = Measure();
        AnswerAll(ports);
        long stopped = Stopwatch.GetTimestamp();
        await server.DisposeAsync();
        TimeSpan stop = Stopwatch.GetElapsedTime(stopped);

        int threads = after.threads - before.threads;
        long bytes = (after.bytes - before.bytes) / count;
        Console.WriteLine($"{count:N0} endpoints, every other one with TLS, beside {WarmUpCount} of another host:");
        Console.WriteLine();
        Console.WriteLine("| | measured | at most |");
        Console.WriteLine("|---|---:|---:|");
        Console.WriteLine($"| threads that came with them | {threads:N0} | {MaxThreads:N0} |");
        Console.WriteLine($"| managed bytes of each | {bytes:N0} | {MaxBytes:N0} |");
        Console.WriteLine($"| seconds to start all | {start.TotalSeconds:N2} | {MaxTime.TotalSeconds:N2} |");
        Console.WriteLine($"| seconds to stop all | {stop.TotalSeconds:N2} | {MaxTime.TotalSeconds:N2} |");
        return threads <= MaxThreads && bytes <= MaxBytes && start <= MaxTime && stop <= MaxTime;
    }

    private static LibraryServer Create(int count) => new((server, certificate) =>
    {
        for (int number = 0; number < count; number++)
        {
            bool hasTls = number % 2 != 0;
            server.Listen($"{number:D6}", 0, listen =>
            {
                if (hasTls)
                {
                    listen.UseHttps(certificatePath: certificate);
                }

                listen.UseSocketHandler(static connection => connection.Pipe(connection));
            });
        }
    });

    // Each of those without TLS echoes a byte.
    private static void AnswerAll(IReadOnlyList<int> ports)
    {
        for (int number = 0; number < ports.Count; number += 2)
        {
            using var client = new TcpClient("127.0.0.1", ports[number]);
            client.GetStream().WriteByte(1);
            if (client.GetStream().ReadByte() != 1)
            {
                throw new IOException($"Endpoint {number} does not answer.");
            }
        }
    }

    private static (int Threads, long Bytes) Measure()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        long bytes = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return (process.Threads.Count, bytes);
    }
}
