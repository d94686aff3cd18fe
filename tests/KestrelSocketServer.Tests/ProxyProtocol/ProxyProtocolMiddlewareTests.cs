using System.IO.Pipelines;
using System.Net;
using KestrelSocketServer.ProxyProtocol;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Tests.ProxyProtocol;

[Trait("Row", "G18")]
public sealed class ProxyProtocolMiddlewareTests
{
    private static readonly IPEndPoint Proxy = IPEndPoint.Parse("10.0.0.5:4000");
    private static readonly IPEndPoint Client = IPEndPoint.Parse("192.0.2.7:51234");
    private static readonly IPEndPoint Server = IPEndPoint.Parse("198.51.100.1:443");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_address_of_the_client_is_asked_about_once_it_is_known(bool isAdmitted)
    {
        List<IPAddress> asked = [];
        bool hasRun = await RunAsync(ProxyHeaders.Text(Client, Server), (connection, address) =>
        {
            Assert.Equal(Client, connection.RemoteEndPoint);
            asked.Add(address);
            return isAdmitted;
        });

        Assert.Equal(isAdmitted, hasRun);
        Assert.Equal([Client.Address], asked);
    }

    [Fact]
    public async Task Where_the_proxy_tells_no_address_its_own_is_asked_about()
    {
        List<IPAddress> asked = [];

        Assert.True(await RunAsync(ProxyHeaders.Text("UNKNOWN"), (_, address) =>
        {
            asked.Add(address);
            return true;
        }));

        Assert.Equal([Proxy.Address], asked);
    }

    [Fact]
    public async Task Nobody_is_asked_about_who_is_refused()
        => Assert.False(await RunAsync("garbage"u8.ToArray(), (_, _) => throw new InvalidOperationException("It was asked.")));

    // Returns whether the rest of the pipeline has run.
    private static async Task<bool> RunAsync(byte[] received, Func<ConnectionContext, IPAddress, bool> admit)
    {
        var input = new Pipe();
        await input.Writer.WriteAsync(received).Soon();
        var options = new ProxyProtocolOptions { Mode = ProxyProtocolMode.Require };
        options.TrustedProxies.Add("10.0.0.0/8");
        bool hasRun = false;
        var middleware = new ProxyProtocolMiddleware(
            _ =>
            {
                hasRun = true;
                return Task.CompletedTask;
            },
            options,
            new ProxyObserver("test", NullLogger.Instance, metrics: null, TimeProvider.System) { Admit = admit });
        var connection = new DefaultConnectionContext("test", new Duplex(input.Reader, new Pipe().Writer), new Duplex(new Pipe().Reader, input.Writer))
        {
            RemoteEndPoint = Proxy,
        };
        await middleware.RunAsync(connection).Soon();
        return hasRun;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
