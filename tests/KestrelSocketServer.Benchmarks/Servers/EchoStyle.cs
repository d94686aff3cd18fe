using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Benchmarks;

/// <summary>An echo, written in one of the styles that are compared.</summary>
internal sealed record EchoStyle(string Name, Action<IConnectionBuilder> Configure)
{
    /// <summary>What all others are compared with: a handler on Kestrel alone.</summary>
    public static EchoStyle Bare { get; } = new("bare Kestrel", builder => builder.Run(static context => EchoAsync(context.Transport)));

    public static EchoStyle Events { get; } = new("Data/Write", builder => builder.UseSocketHandler(
        connection => connection.Data += chunk => connection.Write(chunk)));

    /// <summary>As <see cref="Events"/>, with all limits and time-outs on, and none of them ever reached.</summary>
    public static EchoStyle Limited { get; } = new("limited", builder => builder.UseSocketHandler(
        connection => connection.Data += chunk => connection.Write(chunk),
        limits =>
        {
            limits.MaxConcurrentConnections = limits.MaxConnectionsPerAddress = 1_000_000;
            limits.ConnectionsPerSecond = limits.ConnectionsPerSecondPerAddress = 1_000_000;
            limits.WriteBufferHardLimit = 1 << 30;
            limits.FirstByteTimeout = limits.ReadTimeout = limits.WriteTimeout = limits.IdleTimeout = TimeSpan.FromHours(1);
            limits.HalfClosedTimeout = limits.MaxConnectionAge = TimeSpan.FromHours(1);
        }));

    /// <summary>By messages, and not by chunks: each message of the loads is a line.</summary>
    public static EchoStyle Lines { get; } = new("Lines", builder => builder.UseSocketHandler(
        Framing.Lines(maxLength: 64 * 1024), static (connection, line) => connection.Write(line)));

    public static EchoStyle Pipe { get; } = new("Pipe", builder => builder.UseSocketHandler(
        connection => { connection.Pipe(connection); }));

    public static EchoStyle Pull { get; } = new("ReadAllAsync", builder => builder.UseSocketHandler(static async connection =>
    {
        await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
        {
            await connection.WriteAsync(chunk);
        }
    }));

    public static EchoStyle Stream { get; } = new("AsStream", builder => builder.UseSocketHandler(static async connection =>
    {
        Stream stream = connection.AsStream();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
        int count;
        while ((count = await stream.ReadAsync(buffer)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }));

    public static EchoStyle RawPipe { get; } = new("AsPipe", builder => builder.UseSocketHandler(
        static connection => EchoAsync(connection.AsPipe())));

    public static IReadOnlyList<EchoStyle> All { get; } = [Bare, Events, Limited, Lines, Pipe, Pull, Stream, RawPipe];

    public static EchoStyle Find(string name) => All.Single(style => style.Name == name);

    private static async Task EchoAsync(IDuplexPipe pipe)
    {
        ReadResult result;
        do
        {
            result = await pipe.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                pipe.Output.Write(segment.Span);
            }

            pipe.Input.AdvanceTo(result.Buffer.End);
            await pipe.Output.FlushAsync();
        }
        while (!result.IsCompleted);
    }
}
