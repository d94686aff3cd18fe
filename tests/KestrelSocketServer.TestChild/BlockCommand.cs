using System.Diagnostics.Metrics;
using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo, on one event loop or on sockets, whose handlers block when told <c>wait</c> and spin when told <c>spin</c>, until somebody says
/// <c>go</c>, or its standard input does. Its other words: <c>threads</c> is answered by the number of threads of event loops,
/// <c>blocked</c> by how many handlers were noticed to block; <c>fill</c> uses up the descriptors, <c>work</c> keeps a processor for
/// a part of a millisecond, and <c>rival</c> starts a thread that wants one all the time.
/// </summary>
internal static class BlockCommand
{
    private static readonly SemaphoreSlim Waiting = new(0);
    private static int s_spinning;
    private static int s_spun;
    private static int s_blocked;

    public static async Task<int> RunAsync(SocketTransportDriver driver)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();

        // What should not happen comes to the standard error.
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Error).AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter<LackLogger>(null, LogLevel.Warning).AddProvider(new LackLogger());
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.Driver = driver;
            server.Transport.EventLoopCount = 1;
            server.Listen("test", 0, listen => listen.UseSocketHandler(OnConnection));
        });
        using MeterListener blocked = CountBlocked();
        using IHost host = builder.Build();
        await host.StartAsync();
        if (driver == SocketTransportDriver.EventLoop)
        {
            // Before there are no descriptors for them; and so few that there are never more.
            await Descriptors.StartThreadsAsync();
        }

        new Thread(ReadInput) { IsBackground = true }.Start();
        Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>("test").Address);
        await host.WaitForShutdownAsync();
        return 0;
    }

    private static MeterListener CountBlocked()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "socket_server.blocked_handlers")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>(static (_, count, _, _) => Interlocked.Add(ref s_blocked, (int)count));
        listener.Start();
        return listener;
    }

    private static void ReadInput()
    {
        while (Console.ReadLine() is not null)
        {
            Waiting.Release();
            Console.WriteLine("gone");
        }
    }

    private static void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
    {
        string text = Encoding.ASCII.GetString(chunk.Span);
        switch (text)
        {
            case "wait":
                Console.WriteLine("waits");
                Waiting.Wait();
                break;
            case "spin":
                Spin();
                break;
            case "go":
                Waiting.Release();
                Interlocked.Increment(ref s_spun);
                break;
            case "threads":
                text = $"{LoopThreads.Count:000}";
                break;
            case "blocked":
                text = $"{Volatile.Read(ref s_blocked):0000000}";
                break;
            case "work":
                Work();
                break;
            case "rival":
                new Thread(WorkForEver) { IsBackground = true }.UnsafeStart();
                break;
            case "fill":
                _ = FillAsync(connection);
                return;
        }

        connection.Write(text);
    };

    // For a while, as others hold some for a moment only, such as a thread that starts, and would have them back. Not on the loop, which
    // would need another thread meanwhile.
    private static async Task FillAsync(ISocketConnection connection)
    {
        for (int i = 0; i < 50; i++)
        {
            await Task.Delay(1).ConfigureAwait(false);
            Descriptors.Fill();
        }

        connection.Write("fill");
    }

    // By what is done, not by the clock: it takes as much longer as others have the processor.
    private static void Work()
    {
        int done = 0;
        while (Volatile.Read(ref done) < 200_000)
        {
            Volatile.Write(ref done, done + 1);
        }
    }

    private static void WorkForEver()
    {
        while (true)
        {
            Work();
        }
    }

    private static void Spin()
    {
        int spinning = Interlocked.Increment(ref s_spinning);
        Console.WriteLine("spins");
        while (Volatile.Read(ref s_spun) < spinning)
        {
            // Not even SpinWait, which would sleep in between.
        }
    }

    // Tells when there is no thread for a loop.
    private sealed class LackLogger : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name is "NoLoopThread" or "NoDescriptorForLoopThread")
            {
                Console.WriteLine($"{logLevel} {eventId.Name}");
            }
        }

        public void Dispose()
        {
        }
    }
}
