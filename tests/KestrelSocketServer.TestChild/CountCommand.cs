using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo on all interfaces that counts what happens to its connections, and may be traced by others. Its words: <c>end!</c> makes it
/// end, <c>fail</c> throw. When its standard input says anything it stops its host, and tells how many connections there were, how many
/// of them were closed, how many more than once, and how many milliseconds the stop took; then, a line each, what its errors said.
/// </summary>
internal static partial class CountCommand
{
    private const int SetTracer = 0x59616d61;

    private static readonly ConcurrentDictionary<string, int> Closed = new();
    private static readonly ConcurrentDictionary<string, int> Errors = new();
    private static int s_opened;

    public static async Task<int> RunAsync()
    {
        // Where only parents may trace.
        _ = ControlProcess(SetTracer, -1, 0, 0, 0);
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.EventLoopCount = 2;
            server.ShutdownTimeout = TimeSpan.FromSeconds(20);
            server.Listen("count", "0.0.0.0:0", listen => listen.UseSocketHandler(OnConnection));
        });
        using IHost host = builder.Build();
        ISocketServer server = host.Services.GetRequiredKeyedService<ISocketServer>("count");
        server.Error += error => Note(error.Exception);
        await host.StartAsync();
        Console.WriteLine(server.Address);
        await Task.Run(Console.ReadLine);
        long start = Stopwatch.GetTimestamp();
        await host.StopAsync();
        double stopped = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{s_opened} {Closed.Count} {Closed.Count(pair => pair.Value > 1)} {stopped:0}"));
        foreach (string error in Errors.Keys)
        {
            Console.WriteLine(error);
        }

        Console.WriteLine("over");
        return 0;
    }

    private static void OnConnection(ISocketConnection connection)
    {
        Interlocked.Increment(ref s_opened);
        connection.Error += Note;
        connection.Closed += () => Closed.AddOrUpdate(connection.Id, 1, static (_, count) => count + 1);
        connection.Data += chunk =>
        {
            string word = Encoding.ASCII.GetString(chunk[..Math.Min(4, chunk.Length)]);
            if (word == "fail")
            {
                throw new InvalidOperationException("As it was told.");
            }

            connection.Write(chunk);
            if (word == "end!")
            {
                connection.End();
            }
        };
    }

    private static void Note(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            Errors[cause.Message.ReplaceLineEndings(" ")] = 1;
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ControlProcess(int option, nint argument, nint second, nint third, nint fourth);
}
