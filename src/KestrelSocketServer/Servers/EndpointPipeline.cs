using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer;

/// <summary>What runs the connections of an endpoint: its middleware, TLS among them, and its handler.</summary>
/// <param name="Run">Runs one.</param>
/// <param name="NeedsKestrel">Whether Kestrel's own TLS is among the middleware, which needs its dispatcher.</param>
internal sealed record EndpointPipeline(ConnectionDelegate Run, bool NeedsKestrel)
{
    /// <summary>Builds it as an endpoint is configured.</summary>
    /// <remarks>On options of its own, bound to nothing, so that it can be built anew while the endpoint listens.</remarks>
    /// <exception cref="InvalidOperationException">The endpoint has no handler, or parts that do not fit together.</exception>
    public static EndpointPipeline Build(Action<ListenOptions> configure, EndpointContext context)
    {
        EndpointPipeline? pipeline = null;
        new KestrelServerOptions { ApplicationServices = context }.Listen(context.Address.EndPoint, listen =>
        {
            // No HTTP, and no HTTP protocol advertised by TLS.
            listen.Protocols = HttpProtocols.None;
            listen.Use(next => EndpointContext.HasKestrelTls(listen) ? HandshakeWatch.Around(next, context.OnHandshakeEnded) : next);
            try
            {
                configure(listen);
                context.Complete(listen);
                pipeline = new EndpointPipeline(listen.Build(), EndpointContext.HasKestrelTls(listen));
            }
            catch (Exception exception) when (exception is CryptographicException or FileNotFoundException or DirectoryNotFoundException or NotSupportedException)
            {
                throw new InvalidOperationException(
                    $"Endpoint '{context.Server.Name}': {exception.Message} Kestrel's own UseHttps(fileName) and UseHttps(fileName, password) load a certificate at start, "
                    + "the latter as PKCS#12; for PEM, and for a file that may come or change later, name the argument: UseHttps(certificatePath: \"server.pem\").",
                    exception);
            }
        });

        return pipeline!;
    }
}
