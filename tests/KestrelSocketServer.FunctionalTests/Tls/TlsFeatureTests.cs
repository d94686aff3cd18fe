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
        Assert.Null(features.GetRequiredFeature<ITlsConnectionFeature>().ClientCertificate);
        Assert.True(features.GetRequiredFeature<ITlsApplicationProtocolFeature>().ApplicationProtocol.IsEmpty);
        if (transport == TestTransport.Tls)
        {
            // Kestrel's knows it where the certificate is selected by it.
            Assert.Equal("localhost", handshake.HostName);
        }

        Assert.Equal(handshake.Protocol, features.GetRequiredFeature<ISslStreamFeature>().SslStream.SslProtocol);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    [Trait("Row", "T23")]
    public async Task The_handshake_is_an_activity_of_the_runtime(TestTransport transport)
    {
        var handshake = new TaskCompletionSource<Activity>(TaskCreationOptions.RunContinuationsAsynchronously);
        ActivitySpanId parent = default;
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Experimental.System.Net.Security",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,

            // Other tests shake hands too.
            ActivityStopped = activity => _ = activity.ParentSpanId == parent && handshake.TrySetResult(activity),
        };
        ActivitySource.AddActivityListener(listener);
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("test", 0, listen =>
        {
            listen.Use(next => async context =>
            {
                using Activity connection = new Activity("connection").SetIdFormat(ActivityIdFormat.W3C).Start();
                parent = connection.SpanId;
                await next(context);
            });
            transport.Configure(listen);
            listen.UseSocketHandler(_ => { });
        }));

        using RawClient client = await RawClient.ConnectAsync(host.Server("test"), transport);

        Assert.Equal("Experimental.System.Net.Security.TlsHandshake", (await handshake.Task.Soon()).OperationName);
    }
}
