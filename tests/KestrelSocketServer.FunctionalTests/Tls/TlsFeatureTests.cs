using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>What can be known of the encryption of a connection, by the library's own TLS as by Kestrel's.</summary>
public sealed class TlsFeatureTests
{
    public static TheoryData<TestTransport> Transports => [TestTransport.Tls, TestTransport.KestrelTls];

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "T10")]
    public async Task Middleware_and_handlers_find_the_features_of_TLS(TestTransport transport)
    {
        var found = new TaskCompletionSource<ConnectionContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServerFixture server = await SocketServerFixture.StartWithAsync(
            listen =>
            {
                listen.Use(next => context =>
                {
                    found.SetResult(context);
                    return next(context);
                });
                listen.UseSocketHandler(_ => { });
            },
            transport);
        using RawClient client = await server.ConnectAsync();

        IFeatureCollection features = (await found.Task.Soon()).Features;

        ITlsHandshakeFeature handshake = features.GetRequiredFeature<ITlsHandshakeFeature>();
        Assert.Equal(SslProtocols.Tls13, handshake.Protocol);
        Assert.NotNull(handshake.NegotiatedCipherSuite);
        Assert.Equal("localhost", handshake.HostName);
        Assert.Null(features.GetRequiredFeature<ITlsConnectionFeature>().ClientCertificate);
        Assert.True(features.GetRequiredFeature<ITlsApplicationProtocolFeature>().ApplicationProtocol.IsEmpty);
        Assert.Equal(handshake.Protocol, features.GetRequiredFeature<ISslStreamFeature>().SslStream.SslProtocol);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "T23")]
    public async Task The_handshake_is_an_activity_of_the_runtime(TestTransport transport)
    {
        var handshakes = new BlockingCollection<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Experimental.System.Net.Security",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = handshakes.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ => { }, transport);

        using RawClient client = await server.ConnectAsync();

        // Other tests shake hands too.
        Assert.True(handshakes.TryTake(out Activity? handshake, Timeouts.Generous));
        while (!handshake.DisplayName.Contains("server", StringComparison.Ordinal))
        {
            Assert.True(handshakes.TryTake(out handshake, Timeouts.Generous));
        }

        Assert.Equal("Experimental.System.Net.Security.TlsHandshake", handshake.OperationName);
    }
}
