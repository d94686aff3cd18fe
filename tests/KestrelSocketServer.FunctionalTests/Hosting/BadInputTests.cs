using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Hosting;

public sealed class BadInputTests
{
    public static TheoryData<string, string[], Action<SocketServerOptions>> Mistakes => new()
    {
        { "no handler", ["'test'", "no handler", "UseSocketHandler"], server => server.Listen("test", 0, _ => { }) },
        { "two handlers", ["'test'", "two handlers"], server => server.Listen("test", 0, listen => Echo(Echo(listen))) },
        { "TLS after the handler", ["'test'", "UseHttps before UseSocketHandler"], server => server.Listen("test", 0, listen => Echo(listen).UseHttps(TestCertificate.Instance)) },
        { "tls:// without TLS", ["'test'", "tls://127.0.0.1:0", "UseHttps"], server => server.Listen("test", "tls://127.0.0.1:0", listen => Echo(listen)) },
        { "a dependency that is not registered", ["'test'", nameof(NeedyHandler), nameof(IDependency)], server => server.Listen("test", 0, listen => listen.UseSocketHandler<NeedyHandler>()) },
        { "an abstract handler", ["'test'", nameof(AbstractHandler)], server => server.Listen("test", 0, listen => listen.UseSocketHandler<AbstractHandler>()) },
        { "the framework's abstract class", ["'test'", nameof(ConnectionHandler)], server => server.Listen("test", 0, listen => listen.UseSocketHandler<ConnectionHandler>()) },
        { "a name twice", ["'test'", "twice"], server => server.Listen("test", 0, listen => Echo(listen)).Listen("TEST", 0, listen => Echo(listen)) },
        { "a soft limit of nothing", ["'test'", "WriteBufferSoftLimit is 0"], server => server.Listen("test", 0, listen => listen.UseSocketHandler(_ => { }, options => options.WriteBufferSoftLimit = 0)) },
        { "a hard limit below the soft one", ["'test'", "WriteBufferHardLimit is 1", "65536"], server => server.Listen("test", 0, listen => listen.UseSocketHandler(_ => { }, options => options.WriteBufferHardLimit = 1)) },
        { "no time for a message", ["'test'", "MessageTimeout is 00:00:00", "more than zero"], server => server.Listen("test", 0, listen => listen.UseSocketHandler(_ => { }, options => options.MessageTimeout = TimeSpan.Zero)) },
        { "no time to be idle", ["'test'", "IdleTimeout is 00:00:00", "more than zero"], server => server.Listen("test", 0, listen => listen.UseSocketHandler(_ => { }, options => options.IdleTimeout = TimeSpan.Zero)) },
    };

    public static TheoryData<string, string[], Action<SocketServerOptions>> BadArguments => new()
    {
        { "no port", ["'test'", "'127.0.0.1'"], server => server.Listen("test", "127.0.0.1", listen => Echo(listen)) },
        { "a host name", ["'test'", "'localhost:80'"], server => server.Listen("test", "localhost:80", listen => Echo(listen)) },
        { "a port out of range", ["'test'", "65536"], server => server.Listen("test", 65536, listen => Echo(listen)) },
        { "a blank name", ["name"], server => server.Listen(" ", 0, listen => Echo(listen)) },
        { "no backlog", ["'test'", "backlog is 0"], server => server.Listen("test", 0, listen => Echo(listen.UseBacklog(0))) },
        { "a keep-alive time of less than a second", ["'test'", "time is 00:00:00.5"], server => server.Listen("test", 0, listen => Echo(listen.UseKeepAlive(TimeSpan.FromSeconds(0.5)))) },
        { "no keep-alive interval", ["'test'", "interval is 00:00:00"], server => server.Listen("test", 0, listen => Echo(listen.UseKeepAlive(TimeSpan.FromSeconds(5), TimeSpan.Zero))) },
        { "no keep-alive probes", ["'test'", "retryCount is 0"], server => server.Listen("test", 0, listen => Echo(listen.UseKeepAlive(TimeSpan.FromSeconds(5), retryCount: 0))) },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    [Trait("Row", "H5")]
    public async Task Mistakes_fail_the_start_and_are_told(string mistake, string[] told, Action<SocketServerOptions> configure)
        => AssertTold(mistake, told, await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(configure)));

    [Theory]
    [MemberData(nameof(BadArguments))]
    [Trait("Row", "H5")]
    [Trait("Row", "A6")]
    [Trait("Row", "A8")]
    [Trait("Row", "A9")]
    public async Task Bad_arguments_fail_the_start_and_are_told(string mistake, string[] told, Action<SocketServerOptions> configure)
        => AssertTold(mistake, told, await Assert.ThrowsAnyAsync<ArgumentException>(() => StartAsync(configure)));

    [Fact]
    [Trait("Row", "H5")]
    public async Task Nothing_listens_when_one_endpoint_has_a_mistake()
    {
        using var port = new ReservedPort();
        await Assert.ThrowsAsync<InvalidOperationException>(() => TestHost.StartAsync(
            server => server.Listen("good", port.ToString(), listen => Echo(listen)).Listen("bad", 0, _ => { })));
        await Tcp.AssertRefusedAsync(port.EndPoint);
    }

    public static TheoryData<string, Action<ListenOptions>> OptionsOfOurs => new()
    {
        { "UseBacklog", listen => listen.UseBacklog(5) },
        { "UseReusePort", listen => listen.UseReusePort() },
        { "UseIPv6Only", listen => listen.UseIPv6Only() },
        { "UseNoDelay", listen => listen.UseNoDelay() },
        { "UseKeepAlive", listen => listen.UseKeepAlive(TimeSpan.FromSeconds(5)) },
    };

    [Theory]
    [MemberData(nameof(OptionsOfOurs))]
    [Trait("Row", "H5")]
    public async Task Socket_options_on_the_own_Kestrel_of_the_application_are_refused(string option, Action<ListenOptions> use)
    {
        InvalidOperationException exception = await Assert.ThrowsAsync<InvalidOperationException>(() => TestHost.StartWebAsync(
            build: builder => builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, use))));
        AssertTold(option, [option, "UseSocketServer"], exception);
    }

    private static async Task StartAsync(Action<SocketServerOptions> configure)
    {
        await using TestHost host = await TestHost.StartWebAsync(configure);
    }

    private static void AssertTold(string mistake, string[] told, Exception exception)
        => Assert.All(told, part => Assert.True(exception.Message.Contains(part, StringComparison.Ordinal), $"{mistake}: {exception.Message}"));

    private static ListenOptions Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));

    private interface IDependency;

    private abstract class AbstractHandler : SocketConnectionHandler;

#pragma warning disable CS9113 // It is never made.
    private sealed class NeedyHandler(IDependency dependency) : SocketConnectionHandler;
#pragma warning restore CS9113
}
