using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Starts many endpoints, first plain ones, then with TLS, and prints what each costs. Fails where they cost more than they may.</summary>
internal static class EndpointsCommand
{
    private const string Usage = "endpoints [--count N]";
    private const int WarmUpCount = 50;
    private const int MaxBytes = 10 * 1024;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(3);

    // The host's own: an event loop for each core, what watches them, and some of the thread pool.
    private static readonly int MaxThreads = Environment.ProcessorCount + 6;

    /// <returns>Whether they cost no more than they may.</returns>
    public static async Task<bool> RunAsync(IEnumerable<string> arguments)
    {
        var line = new CommandLine(Usage, arguments);
        int count = line.TakeNumber("--count", 1000);
        line.End();

        Cost plain = await MeasureAsync(count, hasTls: false);
        Cost tls = await MeasureAsync(count, hasTls: true);
        Console.WriteLine($"{count:N0} endpoints, beside {WarmUpCount} of another host:");
        Console.WriteLine();
        Console.WriteLine("| | plain | TLS | at most |");
        Console.WriteLine("|---|---:|---:|---:|");
        Console.WriteLine($"| threads that came with them | {plain.Threads:N0} | {tls.Threads:N0} | {MaxThreads:N0} |");
        Console.WriteLine($"| managed bytes of each | {plain.Bytes:N0} | {tls.Bytes:N0} | {MaxBytes:N0} |");
        Console.WriteLine($"| the same once each has had a client | {plain.BytesOnceUsed:N0} | {tls.BytesOnceUsed:N0} | |");
        Console.WriteLine($"| seconds to start all | {plain.Start.TotalSeconds:N2} | {tls.Start.TotalSeconds:N2} | {MaxTime.TotalSeconds:N2} |");
        Console.WriteLine($"| seconds to stop all | {plain.Stop.TotalSeconds:N2} | {tls.Stop.TotalSeconds:N2} | {MaxTime.TotalSeconds:N2} |");
        return plain.IsAllowed && tls.IsAllowed;
    }

    private static async Task<Cost> MeasureAsync(int count, bool hasTls)
    {
        await using LibraryServer warmUp = Create(WarmUpCount, hasTls);
        await AnswerAllAsync(await warmUp.StartAsync(), hasTls);
        (int threads, long bytes) before = Measure();

        LibraryServer server = Create(count, hasTls);
        long started = Stopwatch.GetTimestamp();
        IReadOnlyList<int> ports = await server.StartAsync();
        TimeSpan start = Stopwatch.GetElapsedTime(started);
        (int threads, long bytes) after = Measure();
        await AnswerAllAsync(ports, hasTls);
        long bytesOnceUsed = Measure().Bytes;
        long stopped = Stopwatch.GetTimestamp();
        await server.DisposeAsync();
        TimeSpan stop = Stopwatch.GetElapsedTime(stopped);
        return new Cost(
            after.threads - before.threads, (after.bytes - before.bytes) / count, (bytesOnceUsed - before.bytes) / count, start, stop);
    }

    private static LibraryServer Create(int count, bool hasTls) => new((server, certificate) =>
    {
        for (int number = 0; number < count; number++)
        {
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

    // Each echoes a byte.
    private static async Task AnswerAllAsync(IReadOnlyList<int> ports, bool hasTls)
    {
        foreach (int port in ports)
        {
            using var client = new TcpClient("127.0.0.1", port);
            await using Stream stream = hasTls ? await ShakeHandsAsync(client.GetStream()) : client.GetStream();
            await stream.WriteAsync(new byte[] { 1 });
            if (await stream.ReadAsync(new byte[1]) != 1)
            {
                throw new IOException($"The endpoint on port {port} does not answer.");
            }
        }
    }

    private static async Task<Stream> ShakeHandsAsync(Stream transport)
    {
        var stream = new SslStream(transport);
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=localhost",
        });
        return stream;
    }

    private static (int Threads, long Bytes) Measure()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        long bytes = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return (process.Threads.Count, bytes);
    }

    private sealed record Cost(int Threads, long Bytes, long BytesOnceUsed, TimeSpan Start, TimeSpan Stop)
    {
        public bool IsAllowed => Threads <= MaxThreads && Bytes <= MaxBytes && Start <= MaxTime && Stop <= MaxTime;
    }
}
