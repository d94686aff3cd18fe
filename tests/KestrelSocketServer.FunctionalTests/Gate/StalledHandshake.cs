using System.Net.Security;
using KestrelSocketServer.FunctionalTests.Tls;

namespace KestrelSocketServer.FunctionalTests.Gate;

/// <summary>A client that begins a handshake, and does not take the server's answer.</summary>
internal sealed class StalledHandshake : IDisposable
{
    private readonly RawClient _client;
    private readonly SslStream _tls;

    private StalledHandshake(RawClient client, AnswerStream stream)
    {
        _client = client;
        _tls = new SslStream(stream);
        _ = _tls.AuthenticateAsClientAsync("localhost");
    }

    /// <summary>Begins it, and waits until the server has answered.</summary>
    public static async Task<StalledHandshake> BeginAsync(SocketServerFixture server)
    {
        RawClient client = await RawClient.ConnectAsync(server.Server.EndPoint!);
        var stream = new AnswerStream(client.Stream);
        var handshake = new StalledHandshake(client, stream);
        await stream.Answered.Soon();
        return handshake;
    }

    public void Dispose()
    {
        _client.Dispose();
        _tls.Dispose();
    }

    private sealed class AnswerStream(Stream stream) : PairStream(stream, stream)
    {
        private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Answered => _answered.Task;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _ = await base.ReadAsync(Memory<byte>.Empty, cancellationToken);
            _answered.TrySetResult();
            return await new TaskCompletionSource<int>().Task;
        }
    }
}
