using KestrelSocketServer;
using KestrelSocketServer.Servers;
using KestrelSocketServer.Tls;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>
/// TLS with certificates that are loaded when a client begins its handshake and may change while the endpoint listens. They
/// stand beside Kestrel's own overloads of <c>UseHttps</c>, which load a certificate once, at start, and work here too.
/// </summary>
public static class ListenOptionsSocketServerTlsExtensions
{
    /// <summary>
    /// Uses TLS with a certificate file, read when the first client begins its handshake, and again when it has changed
    /// (rows T1 to T3).
    /// </summary>
    /// <remarks>
    /// Name the second argument, or the first where it is the only one, as in <c>UseHttps(certificatePath: "server.pem")</c> and
    /// <c>UseHttps("server.pem", passphrase: "secret")</c>: <c>UseHttps(string)</c> and <c>UseHttps(string, string)</c> are
    /// Kestrel's own and load the file at start, the latter as PKCS#12.
    /// </remarks>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="certificatePath">
    /// A PEM file with the certificate, those of its issuers, and the private key unless <paramref name="keyPath"/> has it; or a
    /// PKCS#12 file. Relative to the content root of the host.
    /// </param>
    /// <param name="keyPath">A PEM file with the private key.</param>
    /// <param name="passphrase">The passphrase of the private key, or of the PKCS#12 file.</param>
    /// <param name="configure">Sets the other options.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentException">A path is empty.</exception>
    /// <exception cref="InvalidOperationException">An option cannot work.</exception>
    public static ListenOptions UseHttps(
        this ListenOptions listenOptions,
        string certificatePath,
        string? keyPath = null,
        string? passphrase = null,
        Action<SocketTlsOptions>? configure = null)
    {
        var options = new SocketTlsOptions { Certificate = TlsCertificate.FromFile(certificatePath, keyPath, passphrase) };
        configure?.Invoke(options);
        return listenOptions.UseHttps(options);
    }

    /// <summary>Uses TLS with a certificate file, and other options.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="certificatePath">A PEM file with the certificate, those of its issuers, and the private key; or a PKCS#12 file.</param>
    /// <param name="configure">Sets the other options.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidOperationException">An option cannot work.</exception>
    public static ListenOptions UseHttps(this ListenOptions listenOptions, string certificatePath, Action<SocketTlsOptions> configure)
        => listenOptions.UseHttps(certificatePath, keyPath: null, passphrase: null, configure);

    /// <summary>Uses TLS with a certificate from anywhere.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="certificate">The certificate.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseHttps(this ListenOptions listenOptions, TlsCertificate certificate)
        => listenOptions.UseHttps(certificate, configure: null);

    /// <summary>Uses TLS with a certificate from anywhere, and other options.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="certificate">The certificate.</param>
    /// <param name="configure">Sets the other options.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">An option cannot work.</exception>
    public static ListenOptions UseHttps(this ListenOptions listenOptions, TlsCertificate certificate, Action<SocketTlsOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(certificate);

        var options = new SocketTlsOptions { Certificate = certificate };
        configure?.Invoke(options);
        return listenOptions.UseHttps(options);
    }

    /// <summary>Uses TLS.</summary>
    /// <param name="listenOptions">The endpoint, of UseSocketServer or of the application's own Kestrel.</param>
    /// <param name="options">The options; not to be changed afterwards.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">An option cannot work.</exception>
    public static ListenOptions UseHttps(this ListenOptions listenOptions, SocketTlsOptions options)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(options);

        IServiceProvider services = listenOptions.ApplicationServices;
        EndpointContext? endpoint = services.GetService<EndpointContext>();
        SocketTlsOptionsValidator.Validate(options, endpoint?.Server.Name);

        string basePath = services.GetService<IHostEnvironment>()?.ContentRootPath ?? Environment.CurrentDirectory;
        TlsObserver observer = endpoint?.UseTls() ?? TlsObserver.From(services);
        CertificateSources sources = endpoint?.Certificates ?? new CertificateSources(services.GetService<TimeProvider>() ?? TimeProvider.System, observer.Logger);
        var handshake = new TlsHandshake(options, basePath, sources, observer);
        listenOptions.Use(next => new TlsMiddleware(next, handshake).RunAsync);
        return listenOptions;
    }
}
