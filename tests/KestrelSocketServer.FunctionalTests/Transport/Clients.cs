using System.Diagnostics;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Many clients of an endpoint that echoes.</summary>
internal sealed class Clients : IDisposable
{
    private readonly RawClient[] _clients;

    private Clients(RawClient[] clients) => _clients = clients;

    public RawClient this[int index] => _clients[index];

    public int Count => _clients.Length;

    public static async Task<Clients> ConnectAsync(ISocketServer server, int count, int? receiveBuffer = null)
    {
        var clients = new RawClient[count];
        for (int i = 0; i < count; i++)
        {
            clients[i] = await RawClient.ConnectAsync(server, receiveBuffer: receiveBuffer);
        }

        return new Clients(clients);
    }

    public Task ForEachAsync(Func<RawClient, Task> action) => Task.WhenAll(_clients.Select(action));

    /// <summary>Does round trips on each client, some clients at a time; returns how long the slowest round trip took.</summary>
    public async Task<TimeSpan> TalkAsync(int rounds, int atATime = 20)
    {
        TimeSpan[] worst = await Task.WhenAll(Enumerable.Range(0, atATime).Select(async worker =>
        {
            TimeSpan worst = default;
            for (int round = 0; round < rounds; round++)
            {
                for (int i = worker; i < _clients.Length; i += atATime)
                {
                    TimeSpan time = await TalkAsync(_clients[i], $"{i}/{round}");
                    worst = time > worst ? time : worst;
                }
            }

            return worst;
        }));
        return worst.Max();
    }

    /// <summary>Does a round trip; returns how long it took.</summary>
    public static async Task<TimeSpan> TalkAsync(RawClient client, string text = "hello")
    {
        long start = Stopwatch.GetTimestamp();
        await client.SendAsync(text);
        Assert.Equal(text, await client.ReceiveTextAsync(text.Length));
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Connects, does a round trip and leaves.</summary>
    public static async Task TalkAsync(ISocketServer server)
    {
        using RawClient client = await RawClient.ConnectAsync(server);
        await TalkAsync(client);
        await client.ShutdownSendAsync();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
    }

    public void Dispose() => Array.ForEach(_clients, client => client.Dispose());
}
