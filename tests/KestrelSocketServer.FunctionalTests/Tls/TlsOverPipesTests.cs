using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>TLS over a transport that is no socket, on the application's own Kestrel.</summary>
public sealed class TlsOverPipesTests
{
    [Fact]
    [Trait("Row", "T11")]
    [Trait("Row", "H6")]
    public async Task TLS_works_over_any_pipe()
    {
        var pipes = new PipeListenerFactory();
        var seen = new TaskCompletionSource<ISocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        TestHost.Collect(builder.Logging);
        builder.Services.AddSingleton<IConnectionListenerFactory>(pipes);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 1, listen => listen
            .UseHttps(TlsCertificate.From(TestPki.Default.Issue("localhost")))
            .UseSocketHandler(connection =>
            {
                connection.Pipe(connection);
                seen.SetResult(connection);
            })));
        await using TestHost host = await TestHost.StartAsync(builder.Build());

        await using var client = new SslStream(pipes.Connect());
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
        }).Soon();
        await TlsServer.AssertEchoAsync(client);
        Assert.Equal("localhost", (await seen.Task.Soon()).Tls!.ServerName);
        await client.ShutdownAsync().Soon();
        Assert.Equal(0, await client.ReadAsync(new byte[1]).Soon());
    }

    private sealed class PipeListenerFactory : IConnectionListenerFactory, IConnectionListener
    {
        private readonly Channel<ConnectionContext> _connections = Channel.CreateUnbounded<ConnectionContext>();

        public EndPoint EndPoint { get; private set; } = new IPEndPoint(IPAddress.Loopback, 1);

        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            EndPoint = endpoint;
            return ValueTask.FromResult<IConnectionListener>(this);
        }

        public PairStream Connect()
        {
            var toServer = new Pipe();
            var toClient = new Pipe();
            Assert.True(_connections.Writer.TryWrite(new DefaultConnectionContext(
                "pipe", new Duplex(toServer.Reader, toClient.Writer), new Duplex(toClient.Reader, toServer.Writer))));
            return new PairStream(toClient.Reader.AsStream(), toServer.Writer.AsStream());
        }

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
            => await _connections.Reader.WaitToReadAsync(cancellationToken) && _connections.Reader.TryRead(out ConnectionContext? connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _connections.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
