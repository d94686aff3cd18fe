using KestrelSocketServer;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Adds raw TCP and TLS endpoints to a web host.</summary>
public static class WebHostBuilderSocketServerExtensions
{
    /// <summary>Adds the raw TCP and TLS endpoints of the section <c>SocketServer</c> beside the web server, whichever it is.</summary>
    /// <param name="builder">The builder of the web host.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseSocketServer(this IWebHostBuilder builder) => builder.UseSocketServer(configure: null);

    /// <summary>
    /// Adds raw TCP and TLS endpoints beside the web server, whichever it is: its own urls and endpoints stay as they are.
    /// The endpoints are those of the section <c>SocketServer</c> and those that <paramref name="configure"/> adds.
    /// </summary>
    /// <param name="builder">The builder of the web host.</param>
    /// <param name="configure">Adds endpoints, and gives those of the configuration their handlers.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseSocketServer(this IWebHostBuilder builder, Action<SocketServerOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);

        return builder.ConfigureServices(services => services.AddSocketServer(configure));
    }

    /// <summary>Adds the endpoints of a section other than <c>SocketServer</c>.</summary>
    /// <param name="builder">The builder of the web host.</param>
    /// <param name="configuration">The section, in place of <c>SocketServer</c>; its changes are followed.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseSocketServer(this IWebHostBuilder builder, IConfiguration configuration)
        => builder.UseSocketServer(configuration, configure: null);

    /// <summary>Adds the endpoints of a section other than <c>SocketServer</c>.</summary>
    /// <param name="builder">The builder of the web host.</param>
    /// <param name="configuration">The section, in place of <c>SocketServer</c>; its changes are followed.</param>
    /// <param name="configure">Adds endpoints, and gives those of the section their handlers.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseSocketServer(this IWebHostBuilder builder, IConfiguration configuration, Action<SocketServerOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configuration);

        return builder.ConfigureServices(services => services.AddSocketServer(configuration, configure));
    }
}
