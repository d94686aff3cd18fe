using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What is written for Kestrel's transport runs over this one.</summary>
[Trait("Row", "P3")]
public abstract class MiddlewareTests(SocketTransportDriver driver)
{
    [Fact]
    public Task The_TLS_of_the_library() => EchoAsync(TestTransport.Tls, null);

    [Fact]
    public Task The_TLS_of_Kestrel() => EchoAsync(TestTransport.KestrelTls, null);

    [Fact]
    public Task The_log_of_all_bytes_of_Kestrel() => EchoAsync(TestTransport.Plain, listen => listen.UseConnectionLogging());

    [Fact]
    public async Task One_that_wraps_the_transport()
    {
        await using HandoverServer server = await HandoverServer.StartAsync(driver, middleware: listen => listen.Use(UpperCase));
        await using SocketPair pair = await server.ConnectAsync();

        await pair.Output.WriteAsync("hello"u8.ToArray()).Soon();
        await pair.Output.CompleteAsync().Soon();

        Assert.Equal("HELLO", Encoding.UTF8.GetString(await pair.ReceiveToEndAsync()));
    }

    [Fact]
    public async Task One_that_reads_ahead_of_the_handler_and_leaves_it_what_it_did_not_consume()
    {
        await using HandoverServer server = await HandoverServer.StartAsync(driver, middleware: listen => listen.Use(SkipFirstLine));
        using RawClient client = await server.ConnectClientAsync();
        await client.SendAsync("PROXY TCP4 192.0.2.1");
        await client.SendAsync(" 192.0.2.2 1 2\nhello");

        await using SocketPair pair = await server.AcceptedAsync(client);

        Assert.Equal("hello"u8.ToArray(), await pair.Input.TakeAsync(5));
        Assert.Equal("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", pair.Context.Items["line"]);
    }

    [Fact]
    public async Task One_that_keeps_a_connection_from_the_handler_ends_it()
    {
        await using HandoverServer server = await HandoverServer.StartAsync(driver, middleware: listen => listen.Use(
            _ => async context => await context.Transport.Output.WriteAsync("Not today."u8.ToArray())));
        using RawClient client = await server.ConnectClientAsync();

        Assert.Equal("Not today.", await client.ReceiveTextToEndAsync());
    }

    private async Task EchoAsync(TestTransport transport, Action<ListenOptions>? middleware)
    {
        await using HandoverServer server = await HandoverServer.StartAsync(driver, transport, middleware);
        await using SocketPair pair = await server.ConnectAsync();
        Assert.Equal(transport.IsTls, pair.Context.Features.Get<ITlsHandshakeFeature>() is not null);
        byte[] data = RandomNumberGenerator.GetBytes(3_000_000);
        Task echoing = pair.Input.CopyToAsync(pair.Output);
        Task sending = pair.SendAsync(data);

        BytesAssert.Same(data, await pair.ReceiveAsync(data.Length));

        await sending;
        pair.FinishSending();
        await echoing.Soon();
        pair.EndHandler();
        Assert.Empty(await pair.ReceiveToEndAsync());
    }

    private static ConnectionDelegate SkipFirstLine(ConnectionDelegate next) => async context =>
    {
        while (true)
        {
            ReadResult result = await context.Transport.Input.ReadAsync();
            if (System.Buffers.BuffersExtensions.PositionOf(result.Buffer, (byte)'\n') is { } end)
            {
                end = result.Buffer.GetPosition(1, end);
                context.Items["line"] = result.Buffer.Slice(0, end).Text();
                context.Transport.Input.AdvanceTo(end);
                await next(context);
                return;
            }

            context.Transport.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    };

    private static ConnectionDelegate UpperCase(ConnectionDelegate next) => async context =>
    {
        IDuplexPipe inner = context.Transport;
        var output = new Pipe(new PipeOptions(useSynchronizationContext: false));
        Task pumping = PumpAsync(output.Reader, inner.Output);
        context.Transport = new Wrapper(inner.Input, output.Writer);
        try
        {
            await next(context);
            await output.Writer.CompleteAsync();
            await pumping;
        }
        finally
        {
            context.Transport = inner;
        }
    };

    private static async Task PumpAsync(PipeReader source, PipeWriter destination)
    {
        ReadResult result;
        do
        {
            result = await source.ReadAsync();
            await destination.WriteAsync(Encoding.UTF8.GetBytes(result.Buffer.Text().ToUpperInvariant()));
            source.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);

        await destination.CompleteAsync();
        await source.CompleteAsync();
    }

    private sealed record Wrapper(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

public sealed class EventLoopMiddlewareTests() : MiddlewareTests(SocketTransportDriver.EventLoop);

public sealed class SocketMiddlewareTests() : MiddlewareTests(SocketTransportDriver.Socket);
