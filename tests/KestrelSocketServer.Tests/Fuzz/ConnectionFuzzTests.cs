using CsCheck;
using KestrelSocketServer.Testing;

namespace KestrelSocketServer.Tests.Fuzz;

public sealed class ConnectionFuzzTests
{
    private static readonly Action<ISocketConnection>[] ServerSteps =
    [
        static connection => connection.Write("written"),
        static connection => connection.Pause(),
        static connection => connection.Resume(),
        static connection => connection.EndWriting(),
        static connection => connection.End("the end"),
        static connection => connection.Close(),
        static connection => connection.Reset(),
    ];

    private static readonly Func<InMemorySocketClient, Task>[] ClientSteps =
    [
        static client => client.SendAsync("sent"),
        static client => Do(client.End),
        static client => Do(client.Reset),
    ];

    [Fact]
    [Trait("Row", "C13")]
    [Trait("Row", "C17")]
    public async Task Whatever_both_sides_do_a_connection_closes_once_and_tells_nothing_after() => await Corpus.Mutated("connections").SampleAsync(async steps =>
    {
        int closed = 0;
        bool tellsLate = false;
        await using var client = InMemorySocketClient.Connect(connection =>
        {
            connection.Data += _ => tellsLate |= closed > 0;
            connection.Ended += () => tellsLate |= closed > 0;
            connection.Drained += () => tellsLate |= closed > 0;
            connection.Error += _ => tellsLate |= closed > 0;
            connection.Closed += () => closed++;
        });
        ISocketConnection server = await client.Connection.Soon();
        foreach (byte step in steps)
        {
            int number = step % (ServerSteps.Length + ClientSteps.Length);
            if (number < ServerSteps.Length)
            {
                ServerSteps[number](server);
            }
            else
            {
                await TryAsync(ClientSteps[number - ServerSteps.Length], client);
            }
        }

        // Whatever it is in the middle of, it comes to its end when both sides are done.
        server.Resume();
        server.End();
        await TryAsync(static client => Do(client.End), client);
        server.Close();
        await client.Completion.Soon();
        Assert.NotEqual(SocketCloseReason.Unknown, await client.Closed.Soon());
        Assert.Equal(1, closed);
        Assert.False(tellsLate);
        Assert.True(server.ConnectionClosed.IsCancellationRequested);
        Assert.False(server.IsReadable || server.IsWritable);
    });

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    // A side that has ended says so to whoever goes on.
    private static async Task TryAsync(Func<InMemorySocketClient, Task> step, InMemorySocketClient client)
    {
        try
        {
            await step(client).Soon();
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
        }
    }
}
