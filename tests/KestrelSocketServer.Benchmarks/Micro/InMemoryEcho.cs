using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Benchmarks;

/// <summary>An echo over two pipes in memory that run their readers inline: only the pump is left to be measured.</summary>
internal sealed class InMemoryEcho
{
    private static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false);

    private readonly Pipe _toServer = new(Inline);
    private readonly Pipe _toClient = new(Inline);
    private readonly Task _running;

    public InMemoryEcho(EchoStyle style)
    {
        var builder = new ConnectionBuilder(NoServices.Instance);
        style.Configure(builder);
        _running = builder.Build()(new DefaultConnectionContext(
            style.Name,
            transport: new DuplexPipe(_toServer.Reader, _toClient.Writer),
            application: new DuplexPipe(_toClient.Reader, _toServer.Writer)));
    }

    public async ValueTask EchoAsync(ReadOnlyMemory<byte> message)
    {
        await _toServer.Writer.WriteAsync(message);
        ReadResult result = await _toClient.Reader.ReadAtLeastAsync(message.Length);
        _toClient.Reader.AdvanceTo(result.Buffer.End);
    }

    public async Task EndAsync()
    {
        await _toServer.Writer.CompleteAsync();
        await _running;
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
