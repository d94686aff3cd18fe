using System.Text;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo on one event loop whose handlers block when told <c>wait</c> and spin when told <c>spin</c>, until somebody says
/// <c>go</c>, or its standard input does. Its other words: <c>threads</c> is answered by the number of threads of event loops,
/// <c>fill</c> uses up the descriptors.
/// </summary>
internal static class BlockCommand
{
    private static readonly SemaphoreSlim Waiting = new(0);
    private static int s_spinning;
    private static int s_spun;

    public static async Task<int> RunAsync()
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();

        // What should not happen comes to the standard error.
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Error).AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.Driver = SocketTransportDriver.EventLoop;
            server.Transport.EventLoopCount = 1;
            server.Listen("test", 0, listen => listen.UseSocketHandler(OnConnection));
        });
        using IHost host = builder.Build();
        await host.StartAsync();
        await Descriptors.StartThreadsAsync();
        new Thread(ReadInput) { IsBackground = true }.Start();
        Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>("test").Address);
        await host.WaitForShutdownAsync();
        return 0;
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
            case "fill":
                Descriptors.Fill();
                break;
        }

        connection.Write(text);
    };

    private static void Spin()
    {
        int spinning = Interlocked.Increment(ref s_spinning);
        Console.WriteLine("spins");
        while (Volatile.Read(ref s_spun) < spinning)
        {
            // Not even SpinWait, which would sleep in between.
        }
    }
}
