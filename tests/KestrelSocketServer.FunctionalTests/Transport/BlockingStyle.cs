using System.Buffers;
using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>A handler that blocks somewhere, what its client does to bring it there, and what shows that the connection goes on afterwards.</summary>
internal sealed record BlockingStyle(
    string Name,
    Func<ISocketConnection, Gate, Task> Handle,
    Func<RawClient, Task> Trigger,
    Func<RawClient, Task> GoesOn,
    Action<SocketConnectionOptions>? Options = null)
{
    private const int LargeSize = 8 * 1024 * 1024;

    public static IReadOnlyList<BlockingStyle> All { get; } =
    [
        Of("Connection handler", (connection, gate) => { gate.Block(); Echo(connection); }, NothingAsync, EchoesAsync),
        Of("Data", (connection, gate) => { connection.Data += _ => gate.Block(); Echo(connection); }, SendAsync, ReceivesAsync),
        Of("Ended", (connection, gate) => { connection.Ended += gate.Block; Echo(connection); }, LeaveAsync, EndsAsync),
        Of("Error", Throw, SendAsync, EndsAsync),
        Of("Closed", (connection, gate) => { connection.Closed += gate.Block; Echo(connection); }, LeaveAsync, EndsAsync),
        Of("Drained", (connection, gate) => { connection.Drained += gate.Block; Echo(connection); }, SendAsync, ReceivesAsync) with
        {
            Options = options => options.WriteBufferSoftLimit = 1,
        },
        new("ReadAllAsync", ReadAllAsync, SendAsync, ReceivesAsync),
        new("AsStream", ReadStreamAsync, SendAsync, ReceivesAsync),
        new("AsPipe, read", ReadPipeAsync, SendAsync, ReceivesAsync),
        new("AsPipe, flush", FlushPipeAsync, client => client.ReceiveExactlyAsync(LargeSize), ReceivesAsync),
    ];

    public override string ToString() => Name;

    private static BlockingStyle Of(string name, Action<ISocketConnection, Gate> handle, Func<RawClient, Task> trigger, Func<RawClient, Task> goesOn)
        => new(
            name,
            (connection, gate) =>
            {
                handle(connection, gate);
                return Task.CompletedTask;
            },
            trigger,
            goesOn);

    private static void Echo(ISocketConnection connection) => connection.Data += chunk => connection.Write(chunk);

    private static void Throw(ISocketConnection connection, Gate gate)
    {
        connection.Error += _ => gate.Block();
        connection.Data += _ => throw new InvalidOperationException("as the test wants");
    }

    private static async Task ReadAllAsync(ISocketConnection connection, Gate gate)
    {
        await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
        {
            gate.Block();
            await connection.WriteAsync(chunk);
        }
    }

    private static async Task ReadStreamAsync(ISocketConnection connection, Gate gate)
    {
        Stream stream = connection.AsStream();
        byte[] buffer = new byte[16];
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            gate.Block();
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static async Task ReadPipeAsync(ISocketConnection connection, Gate gate)
    {
        IDuplexPipe pipe = connection.AsPipe();
        ReadResult result = await pipe.Input.ReadAsync();
        gate.Block();
        await pipe.Output.WriteAsync(result.Buffer.ToArray());
        pipe.Input.AdvanceTo(result.Buffer.End);
    }

    private static async Task FlushPipeAsync(ISocketConnection connection, Gate gate)
    {
        IDuplexPipe pipe = connection.AsPipe();
        await pipe.Output.WriteAsync(new byte[LargeSize]);
        gate.Block();
        await pipe.Output.WriteAsync("x"u8.ToArray());
    }

    private static Task NothingAsync(RawClient client) => Task.CompletedTask;

    private static Task SendAsync(RawClient client) => client.SendAsync("x");

    private static Task LeaveAsync(RawClient client) => client.ShutdownSendAsync();

    private static Task EchoesAsync(RawClient client) => Clients.TalkAsync(client);

    private static async Task ReceivesAsync(RawClient client) => Assert.Equal("x", await client.ReceiveTextAsync(1));

    private static Task EndsAsync(RawClient client) => Servers.Tcp.AssertClosedAsync(client);
}
