using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// Starts and disposes of hosts, one after the other, each with a connection, which may be one whose handler blocks until its host
/// is gone. Tells how many descriptors and threads of event loops are left by them.
/// </summary>
internal static class HostsCommand
{
    private const int First = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(int count, bool block)
    {
        // What the process takes once.
        await RunHostsAsync(First, block);
        AwaitThreads();
        int descriptors = CountDescriptors();
        await RunHostsAsync(count, block);
        AwaitThreads();
        Console.WriteLine($"{CountDescriptors() - descriptors} {NamedThreads.Count(NamedThreads.EventLoop)}");
        return 0;
    }

    private static async Task RunHostsAsync(int count, bool block)
    {
        for (int i = 0; i < count; i++)
        {
            await RunHostAsync(block);
        }
    }

    private static async Task RunHostAsync(bool block)
    {
        using var blocked = new SemaphoreSlim(0);
        using var pass = new SemaphoreSlim(0);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSocketServer(server =>
        {
            server.ShutdownTimeout = TimeSpan.Zero;
            server.Transport.Driver = SocketTransportDriver.EventLoop;
            server.Transport.EventLoopCount = 2;
            server.Listen("test", 0, listen => listen.UseSocketHandler(connection =>
            {
                connection.Closed += closed.SetResult;
                connection.Data += chunk =>
                {
                    connection.Write(chunk);
                    if (block)
                    {
                        blocked.Release();
                        pass.Wait();
                    }
                };
            }));
        });
        IHost host = builder.Build();
        await host.StartAsync();
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(host.Services.GetRequiredKeyedService<ISocketServer>("test").EndPoint as IPEndPoint ?? throw new InvalidOperationException());
        await client.SendAsync("x"u8.ToArray());
        if (block)
        {
            await blocked.WaitAsync();
        }
        else
        {
            await client.ReceiveAsync(new byte[1]);
        }

        await host.StopAsync();
        host.Dispose();
        pass.Release();
        await closed.Task;
    }

    // Threads end a moment after their host: whoever has to be told is told, and not waited for.
    private static void AwaitThreads() => SpinWait.SpinUntil(static () => NamedThreads.Count(NamedThreads.EventLoop) == 0, Patience);

    private static int CountDescriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();
}
