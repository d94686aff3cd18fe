using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// An echo that uses up the descriptors of its process when told <c>fill</c>, and gives them back when told <c>free</c>. Tells
/// each error of the server on its standard output.
/// </summary>
internal static partial class ExhaustCommand
{
    private const int NumberOfFiles = 7;
    private const ulong Limit = 512;
    private const int Threads = 8;

    private static readonly List<SafeFileHandle> Taken = [];

    public static async Task<int> RunAsync(bool acceptorPerLoop)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            server.Transport.EventLoopCount = 3;
            server.Listen("echo", 0, listen => listen.UseAcceptorPerLoop(acceptorPerLoop).UseSocketHandler(OnConnection));
        });
        using IHost host = builder.Build();
        ISocketServer server = host.Services.GetRequiredKeyedService<ISocketServer>("echo");
        server.Error += error => Console.WriteLine($"{error.Stage} {((SocketException)error.Exception).SocketErrorCode}");
        await host.StartAsync();
        await StartThreadsAsync();
        Console.WriteLine(server.Address);
        await host.WaitForShutdownAsync();
        return 0;
    }

    // The runtime needs descriptors for a moment to start a thread, and gives up the process when it finds none.
    private static async Task StartThreadsAsync()
    {
        ThreadPool.SetMinThreads(Threads, Threads);
        ThreadPool.SetMaxThreads(Threads, Threads);
        using var all = new Barrier(Threads);
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(() => all.SignalAndWait(TimeSpan.FromSeconds(10)))));

        // The thread of the timers is started with the first of them.
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        await timer.WaitForNextTickAsync();
    }

    private static void OnConnection(ISocketConnection connection) => connection.Data += chunk =>
    {
        switch (Encoding.ASCII.GetString(chunk.Span))
        {
            case "fill":
                Fill();
                break;
            case "free":
                Taken.ForEach(handle => handle.Dispose());
                Taken.Clear();
                break;
        }

        connection.Write(chunk);
    };

    private static void Fill()
    {
        var limit = new ResourceLimit { Current = Limit, Maximum = Limit };
        if (SetResourceLimit(NumberOfFiles, in limit) != 0)
        {
            throw new InvalidOperationException($"setrlimit: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        try
        {
            while (true)
            {
                Taken.Add(File.OpenHandle("/dev/null"));
            }
        }
        catch (IOException)
        {
            // None is left.
        }
    }

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetResourceLimit(int resource, in ResourceLimit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Current;
        public ulong Maximum;
    }
}
