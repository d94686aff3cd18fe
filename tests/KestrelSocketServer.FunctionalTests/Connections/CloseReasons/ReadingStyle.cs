using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Connections.CloseReasons;

/// <summary>A way to read a connection, by events or in a flow of the handler.</summary>
public static class ReadingStyle
{
    public static TheoryData<string> All => ["events", "chunks", "stream", "pipe"];

    /// <summary>Reads in a style until the peer ends, or until it is told to stop: then the handler ends the connection.</summary>
    /// <param name="style">One of <see cref="All"/>.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="onData">Called when something was received; returns whether to go on.</param>
    public static Task ReadAsync(string style, ISocketConnection connection, Func<bool> onData) => style switch
    {
        "events" => ReadEventsAsync(connection, onData),
        "chunks" => ReadChunksAsync(connection, onData),
        "stream" => ReadStreamAsync(connection.AsStream(), onData),
        _ => ReadPipeAsync(connection.AsPipe(), onData),
    };

    private static Task ReadEventsAsync(ISocketConnection connection, Func<bool> onData)
    {
        connection.Data += _ =>
        {
            if (!onData())
            {
                connection.End();
            }
        };
        return Task.CompletedTask;
    }

    private static async Task ReadChunksAsync(ISocketConnection connection, Func<bool> onData)
    {
        await foreach (ReadOnlyMemory<byte> _ in connection.ReadAllAsync())
        {
            if (!onData())
            {
                return;
            }
        }
    }

    private static async Task ReadStreamAsync(Stream stream, Func<bool> onData)
    {
        byte[] buffer = new byte[100];
        while (await stream.ReadAsync(buffer) > 0 && onData())
        {
        }
    }

    private static async Task ReadPipeAsync(IDuplexPipe pipe, Func<bool> onData)
    {
        bool more = true;
        while (more)
        {
            ReadResult result = await pipe.Input.ReadAsync();
            bool isData = !result.Buffer.IsEmpty;
            pipe.Input.AdvanceTo(result.Buffer.End);
            more = !result.IsCompleted && (!isData || onData());
        }
    }
}
