using System.Security.Cryptography;
using KestrelSocketServer.Tls.KestrelHttps;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.Servers;

/// <summary>Builds what runs the connections of an endpoint: its middleware, TLS among them, and its handler.</summary>
internal static class EndpointPipeline
{
    /// <summary>Builds it as an endpoint is configured.</summary>
    /// <remarks>On options of its own, bound to nothing, so that it can be built anew while the endpoint listens.</remarks>
    /// <exception cref="InvalidOperationException">The endpoint has no handler, or parts that do not fit together.</exception>
    public static ConnectionDelegate Build(Action<ListenOptions> configure, EndpointContext context)
    {
        ListenOptions listen = KestrelHttpsServer.CreateOptions(context.Address.EndPoint, context, context.UseTls);
        try
        {
            configure(listen);
            return context.Build(listen);
        }
        catch (Exception exception) when (exception is CryptographicException or FileNotFoundException or DirectoryNotFoundException or NotSupportedException)
        {
            throw new InvalidOperationException(
                $"Endpoint '{context.Server.Name}': {exception.Message} Kestrel's own UseHttps(fileName) and UseHttps(fileName, password) load a certificate at start, "
                + "the latter as PKCS#12; for PEM, and for a file that may come or change later, name the argument: UseHttps(certificatePath: \"server.pem\").",
                exception);
        }
    }
}
