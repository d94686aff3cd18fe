using System.Net.Sockets;
using System.Runtime.Versioning;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class AcceptFairnessTests
{
    private const int BusyCount = 300;
    private const int LateCount = 10;

    // Two turns of the loop are far below, a round over all connections is above.
    private const int MostBefore = 200;

    private readonly int[] _turns = new int[BusyCount];

    [Fact]
    [SupportedOSPlatform("linux")]
    [Trait("Row", "L16")]
    public async Task A_new_client_is_served_before_all_the_busy_ones_have_had_their_turn()
    {
        int connected = 0;
        var served = new TaskCompletionSource<int[]>[LateCount];
        for (int i = 0; i < LateCount; i++)
        {
            served[i] = new TaskCompletionSource<int[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        await using TestHost host = await TestHost.StartAsync(server =>
        {
            server.Transport.Driver = SocketTransportDriver.EventLoop;
            server.Transport.EventLoopCount = 1;
            server.Listen("test", 0, listen => listen.UseSocketHandler(connection =>
            {
                int number = connected++;
                if (number >= BusyCount)
                {
                    served[number - BusyCount].SetResult([.. _turns]);
                }
                else
                {
                    connection.Data += _ =>
                    {
                        Volatile.Write(ref _turns[number], _turns[number] + 1);
                        Thread.SpinWait(500);
                    };
                }
            }));
        });
        using var stop = new CancellationTokenSource();
        List<Socket> sockets = [];
        List<Task> busy = [];
        for (int i = 0; i < BusyCount; i++)
        {
            sockets.Add(Connect(host));
            busy.Add(SendForEverAsync(sockets[i], stop.Token));
        }

        Assert.True(await Task.Run(() => SpinWait.SpinUntil(() => Enumerable.Range(0, BusyCount).All(i => Volatile.Read(ref _turns[i]) > 0), Timeouts.Generous)));
        List<int> before = [];
        for (int i = 0; i < LateCount; i++)
        {
            using Socket late = Connect(host);
            int[] start = [.. _turns];
            int[] end = await served[i].Task.Soon();
            before.Add(end.Zip(start).Count(turns => turns.First > turns.Second));
        }

        await stop.CancelAsync();
        await Task.WhenAll(busy).Soon();
        sockets.ForEach(socket => socket.Dispose());
        Assert.True(before.Max() <= MostBefore, $"Of {BusyCount} busy clients so many had a turn before the new one: {string.Join(", ", before)}.");
    }

    private static Socket Connect(TestHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(host.Server("test").EndPoint!);
        return socket;
    }

    private static async Task SendForEverAsync(Socket socket, CancellationToken cancellationToken)
    {
        byte[] data = new byte[16 * 1024];
        try
        {
            while (true)
            {
                await socket.SendAsync(data, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }
}
