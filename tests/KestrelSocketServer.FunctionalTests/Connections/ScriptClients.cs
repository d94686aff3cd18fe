using KestrelSocketServer.Testing;

namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>A client that goes on calmly when its connection is gone.</summary>
internal interface IScriptClient : IAsyncDisposable
{
    Task SendAsync(byte[] data);

    Task EndAsync();

    void Reset();

    /// <summary>Receives to the end, or to a reset.</summary>
    Task<byte[]> ReceiveWhatComesAsync();
}

internal sealed class MemoryScriptClient(InMemorySocketClient client) : IScriptClient
{
    public Task SendAsync(byte[] data) => Quietly.RunAsync(() => client.SendAsync(data));

    public Task EndAsync()
    {
        client.End();
        return Task.CompletedTask;
    }

    public void Reset() => client.Reset();

    public async Task<byte[]> ReceiveWhatComesAsync()
    {
        var received = new List<byte>();
        await Quietly.RunAsync(async () =>
        {
            while (await client.ReceiveAsync() is { Length: > 0 } part)
            {
                received.AddRange(part);
            }
        });
        return [.. received];
    }

    public ValueTask DisposeAsync() => client.DisposeAsync();
}

internal sealed class SocketScriptClient(RawClient client) : IScriptClient
{
    private bool _ended;
    private bool _reset;

    public Task SendAsync(byte[] data) => _ended ? Task.CompletedTask : Quietly.RunAsync(() => client.SendAsync(data));

    public async Task EndAsync()
    {
        if (!_ended)
        {
            _ended = true;
            await Quietly.RunAsync(client.ShutdownSendAsync);
        }
    }

    public void Reset()
    {
        if (!_reset)
        {
            _ended = true;
            _reset = true;
            client.Reset();
        }
    }

    public async Task<byte[]> ReceiveWhatComesAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        var received = new List<byte>();
        await Quietly.RunAsync(async () =>
        {
            int count;
            while ((count = await client.Stream.ReadAsync(buffer)) > 0)
            {
                received.AddRange(buffer.AsSpan(0, count));
            }
        });
        return [.. received];
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return ValueTask.CompletedTask;
    }
}

internal static class Quietly
{
    /// <summary>Ignores that a connection is gone.</summary>
    public static async Task RunAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException
            or System.Net.Sockets.SocketException)
        {
            // Reset, closed here, or completed meanwhile.
        }
    }
}
