using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// Endpoints of all kinds, configured by the appsettings.json of a folder, and counts of what became of their connections. Its standard
/// input takes <c>state</c>, answered by one line with the counts, <c>open</c>, <c>drain</c> and <c>close</c> for an endpoint at run time, and
/// <c>fill</c> and <c>free</c> for the descriptors of the process; each is answered by a line.
/// </summary>
internal static class ChaosCommand
{
    private static readonly byte[] Page = new byte[64 * 1024];

    // For threads of the runtime, without which it gives up the process. More than the reserve of the library, so that it accepts a few.
    private const int Left = 32;

    private static long s_opened;
    private static long s_closed;
    private static long s_closedTwice;
    private static long s_active;
    private static long s_unsent;
    private static long s_rejected;
    private static long s_reloads;

    public static async Task<int> RunAsync(string folder)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = folder });
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Critical).AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSocketServer(server =>
        {
            server.Endpoint("events").UseSocketHandler(Counted(Echo));
            server.Endpoint("secure").UseSocketHandler(Counted(Echo));
            server.Endpoint("pipe").UseSocketHandler(Counted(static connection => connection.Pipe(connection)));
            server.Endpoint("chunks").UseSocketHandler(CountedAsync(EchoChunksAsync));
            server.Endpoint("stream").UseSocketHandler(CountedAsync(static connection => CopyAsync(connection.AsStream())));
            server.Endpoint("source").UseSocketHandler(Counted(Pour));
            server.Endpoint("throws").UseSocketHandler(Counted(static connection => connection.Data += _ => throw new InvalidTimeZoneException()));
            server.Endpoint("blocks").UseSocketHandler(Counted(Block));
            server.Endpoint("proxied").UseSocketHandler(Counted(Echo));
        });
        using MeterListener meters = Listen();
        using IHost host = builder.Build();
        await host.StartAsync();
        await Descriptors.StartThreadsAsync();
        ISocketServers servers = host.Services.GetRequiredService<ISocketServers>();
        servers.Reloaded += static () => Interlocked.Increment(ref s_reloads);
        foreach (ISocketServer server in servers)
        {
            Console.WriteLine($"{server.Name} {server.Address}");
        }

        Console.WriteLine("ready");
        var input = new Thread(() => ReadInput(servers, meters)) { IsBackground = true };
        input.Start();
        await host.WaitForShutdownAsync();
        return 0;
    }

    private static void ReadInput(ISocketServers servers, MeterListener meters)
    {
        while (Console.ReadLine() is { } line)
        {
            try
            {
                Console.WriteLine(line switch
                {
                    "state" => State(servers, meters),
                    "open" => servers.ListenAsync("extra", "127.0.0.1:0", static listen => listen.UseSocketHandler(Counted(Echo))).GetAwaiter().GetResult().Address,
                    "close" => Close(servers),
                    "drain" => Drain(servers),
                    "fill" => Do(static () => Descriptors.Fill(Left)),
                    "free" => Do(Descriptors.Free),
                    _ => throw new ArgumentException($"'{line}' is no command."),
                });
            }
            catch (Exception exception)
            {
                // As a client sees it: the command has failed, the process goes on.
                Console.WriteLine($"failed {exception.Message.ReplaceLineEndings(" ")}");
            }
        }
    }

    private static string Close(ISocketServers servers)
    {
        servers.CloseAsync("extra").GetAwaiter().GetResult();
        return "closed";
    }

    private static string Drain(ISocketServers servers)
    {
        var options = new SocketDrainOptions { Timeout = TimeSpan.FromMilliseconds(200) };
        return $"left {servers.Single(server => server.Name == "extra").DrainAsync(options).GetAwaiter().GetResult()}";
    }

    private static string Do(Action action)
    {
        action();
        return "done";
    }

    private static string State(ISocketServers servers, MeterListener meters)
    {
        meters.RecordObservableInstruments();
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return string.Create(CultureInfo.InvariantCulture, $"opened={Volatile.Read(ref s_opened)} closed={Volatile.Read(ref s_closed)} twice={Volatile.Read(ref s_closedTwice)} ")
            + string.Create(CultureInfo.InvariantCulture, $"unsent={Volatile.Read(ref s_unsent)} rejected={Volatile.Read(ref s_rejected)} reloads={Volatile.Read(ref s_reloads)} ")
            + string.Create(CultureInfo.InvariantCulture, $"active={Volatile.Read(ref s_active)} listed={servers.Sum(server => server.Connections.Count)} ")
            + string.Create(CultureInfo.InvariantCulture, $"memory={GC.GetTotalMemory(forceFullCollection: true)} descriptors={Directory.GetFiles("/proc/self/fd").Length} threads={Directory.GetDirectories("/proc/self/task").Length}");
    }

    // What the meter of the library tells.
    private static MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name is "socket_server.active_connections" or "socket_server.unsent" or "socket_server.rejected_connections")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>(static (instrument, count, _, _) =>
        {
            switch (instrument.Name)
            {
                case "socket_server.unsent":
                    Volatile.Write(ref s_unsent, count);
                    break;
                case "socket_server.rejected_connections":
                    Interlocked.Add(ref s_rejected, count);
                    break;
                default:
                    Interlocked.Add(ref s_active, count);
                    break;
            }
        });
        listener.Start();
        return listener;
    }

    private static Action<ISocketConnection> Counted(Action<ISocketConnection> handler) => connection =>
    {
        Count(connection);
        handler(connection);
    };

    private static Func<ISocketConnection, Task> CountedAsync(Func<ISocketConnection, Task> handler) => connection =>
    {
        Count(connection);
        return handler(connection);
    };

    private static void Count(ISocketConnection connection)
    {
        Interlocked.Increment(ref s_opened);
        int closes = 0;
        connection.Closed += () =>
        {
            Interlocked.Increment(ref s_closed);
            if (Interlocked.Increment(ref closes) > 1)
            {
                Interlocked.Increment(ref s_closedTwice);
            }
        };
    }

    private static void Echo(ISocketConnection connection)
    {
        connection.Drained += connection.Resume;
        connection.Data += chunk =>
        {
            if (!connection.Write(chunk))
            {
                connection.Pause();
            }
        };
    }

    private static async Task EchoChunksAsync(ISocketConnection connection)
    {
        await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
        {
            await connection.WriteAsync(chunk);
        }
    }

    private static async Task CopyAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    // Without regard to what Write returns, until the limit of its endpoint closes it.
    private static void Pour(ISocketConnection connection) => connection.Data += _ =>
    {
        for (int i = 0; i < 64 && connection.IsWritable; i++)
        {
            connection.Write(Page);
        }
    };

    private static void Block(ISocketConnection connection) => connection.Data += chunk =>
    {
        Thread.Sleep(20);
        connection.Write(Encoding.ASCII.GetString(chunk));
    };
}
