using KestrelSocketServer;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Adds raw TCP and TLS endpoints to a web host.</summary>
public static class WebHostBuilderSocketServerExtensions
{
    /// <summary>
    /// Adds raw TCP and TLS endpoints beside the web server, whichever it is: its own urls and endpoints stay as they are.
    /// </summary>
    /// <param name="builder">The builder of the web host.</param>
    /// <param name="configure">Adds the endpoints.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseSocketServer(this IWebHostBuilder builder, Action<SocketServerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);

        return builder.ConfigureServices(services => services.AddSocketServer(configure));
    }
}
