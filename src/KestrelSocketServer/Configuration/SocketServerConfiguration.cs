using System.Globalization;
using KestrelSocketServer.ProxyProtocol;
using KestrelSocketServer.Tls;
using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.Configuration;

/// <summary>Reads the endpoints from configuration, and finds all mistakes at once.</summary>
internal static class SocketServerConfiguration
{
    /// <summary>The section that is read unless another one is given.</summary>
    public const string DefaultSection = "SocketServer";

    /// <summary>The section of the endpoints in it.</summary>
    public const string EndpointsKey = "Endpoints";

    private const string DefaultsKey = "EndpointDefaults";

    public static SocketServerSnapshot Read(IConfiguration? configuration)
    {
        var snapshot = new SocketServerSnapshot();
        if (configuration is null)
        {
            return snapshot;
        }

        IConfigurationSection defaults = configuration.GetSection(DefaultsKey);
        IConfigurationSection[] endpoints = [.. configuration.GetSection(EndpointsKey).GetChildren()];
        Check(configuration.GetChildren().Where(child => !Is(child, EndpointsKey) && !Is(child, DefaultsKey)), configuration, ConfigurationKey.OfServer, snapshot);
        Check(defaults.GetChildren(), defaults, ConfigurationKey.OfEndpoint, snapshot);
        foreach (IConfigurationSection endpoint in endpoints)
        {
            Check(endpoint.GetChildren(), endpoint, ConfigurationKey.OfEndpoint, snapshot);
        }

        if (snapshot.Errors.Count == 0)
        {
            snapshot.MaxUnsentBytes = long.TryParse(configuration["Limits:MaxUnsentBytes"], CultureInfo.InvariantCulture, out long bytes) ? bytes : null;
            foreach (IConfigurationSection endpoint in endpoints)
            {
                ConfiguredEndpoint configured = Bind(endpoint, defaults);
                CheckTls(endpoint, configured.Options, snapshot.Errors);
                CheckProxies(endpoint, configured.Options.ProxyProtocol, snapshot.Errors);
                snapshot.Add(configured);
            }
        }

        return snapshot;
    }

    private static ConfiguredEndpoint Bind(IConfigurationSection endpoint, IConfigurationSection defaults)
    {
        var options = new SocketEndpointOptions();
        Normalize(defaults).Bind(options);
        Forget(options, endpoint);
        Normalize(endpoint).Bind(options);
        return new ConfiguredEndpoint(endpoint.Key, endpoint.Path, options, Print(defaults) + '\n' + Print(endpoint));
    }

    // Null is as good as nothing, where the binder would let some nulls prevail over the defaults. Earlier names become today's, which
    // prevail where both are given.
    private static IConfiguration Normalize(IConfigurationSection section)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach ((string path, string? value) in section.AsEnumerable(makePathsRelative: true).Where(pair => pair.Value is not null))
        {
            string newPath = ConfigurationKey.OfEndpoint.FirstOrDefault(key => key.Matches(path))?.Rename(path) ?? path;
            if (newPath == path)
            {
                values[path] = value;
            }
            else
            {
                values.TryAdd(newPath, value);
            }
        }

        return new ConfigurationBuilder().AddInMemoryCollection(values).Build();
    }

    // Lists and certificates of an endpoint replace those of the defaults, where the binder would add to them.
    private static void Forget(SocketEndpointOptions options, IConfigurationSection endpoint)
    {
        if (endpoint.GetSection(nameof(options.Certificate)).Exists())
        {
            options.Certificate = null;
        }

        if (endpoint.GetSection(nameof(options.Sni)).Exists())
        {
            options.Sni.Clear();
        }

        if (endpoint.GetSection($"{nameof(options.ProxyProtocol)}:{nameof(options.ProxyProtocol.TrustedProxies)}").Exists())
        {
            options.ProxyProtocol.TrustedProxies.Clear();
        }

        if (endpoint.GetSection(nameof(options.SslProtocols)).Exists())
        {
            options.SslProtocols.Clear();
        }

        if (endpoint.GetSection(nameof(options.CipherSuites)).Exists())
        {
            options.CipherSuites.Clear();
        }

        if (endpoint.GetSection(nameof(options.ApplicationProtocols)).Exists())
        {
            options.ApplicationProtocols.Clear();
        }

        IConfigurationSection access = endpoint.GetSection(nameof(options.Access));
        if (access.GetSection(nameof(options.Access.Allow)).Exists())
        {
            options.Access.Allow.Clear();
        }

        if (access.GetSection(nameof(options.Access.Deny)).Exists())
        {
            options.Access.Deny.Clear();
        }
    }

    private static void CheckTls(IConfigurationSection endpoint, SocketEndpointOptions options, List<string> errors)
    {
        IConfigurationSection certificate = endpoint.GetSection(nameof(options.Certificate));
        if (certificate.Exists() && options.Url is not null && !ListenAddress.Parse(options.Url).IsTls)
        {
            errors.Add($"{certificate.Path}: is given, but {endpoint.Path}:Url, '{options.Url}', is not encrypted; write tls:// there, or leave the certificate out");
        }

        CheckCertificate(certificate.Path, options.Certificate, errors);
        foreach ((string host, SocketSniOptions sni) in options.Sni)
        {
            string path = $"{endpoint.Path}:{nameof(options.Sni)}:{host}:{nameof(sni.Certificate)}";
            if (sni.Certificate is null)
            {
                errors.Add($"{path}: is missing; write the certificate of that host there, or leave the host out");
            }

            CheckCertificate(path, sni.Certificate, errors);
        }

        if (errors.Count == 0 && options.ToTls() is { } tls && SocketTlsOptionsValidator.FindFault(tls) is { } fault)
        {
            errors.Add($"{endpoint.Path}: {fault}");
        }
    }

    private static void CheckProxies(IConfigurationSection endpoint, ProxyProtocolOptions proxy, List<string> errors)
    {
        if (proxy.Mode != ProxyProtocolMode.Off && proxy.TrustedProxies.Count == 0)
        {
            errors.Add($"{endpoint.Path}:{nameof(SocketEndpointOptions.ProxyProtocol)}:{nameof(proxy.TrustedProxies)}: {ProxyProtocolOptionsValidator.NoProxies}");
        }
    }

    private static void CheckCertificate(string path, SocketCertificateOptions? certificate, List<string> errors)
    {
        if (certificate is { Path: null, Subject: null })
        {
            errors.Add($"{path}: has neither Path nor Subject; write the file, or the subject of a certificate in a store");
        }
        else if (certificate is { Path: not null, Subject: not null })
        {
            errors.Add($"{path}: has both Path and Subject; leave one out");
        }
    }

    private static void Check(
        IEnumerable<IConfigurationSection> sections, IConfiguration parent, IReadOnlyList<ConfigurationKey> keys, SocketServerSnapshot snapshot)
    {
        string prefix = parent is IConfigurationSection { Path: { Length: > 0 } path } ? path + ':' : "";
        foreach (IConfigurationSection section in sections)
        {
            string relative = section.Path[prefix.Length..];
            if (keys.FirstOrDefault(key => key.Matches(relative)) is { } known)
            {
                if (known.FindFault(section) is { } error)
                {
                    snapshot.Errors.Add($"{section.Path}: {error}");
                }

                if (known.NewPath is not null && section.Exists())
                {
                    snapshot.RenamedKeys.Add((section.Path, prefix + known.Rename(relative)));
                }
            }
            else if (keys.Any(key => key.IsBelow(relative)))
            {
                if (!string.IsNullOrEmpty(section.Value))
                {
                    snapshot.Errors.Add($"{section.Path}: '{section.Value}' is a single value; write a list or a section");
                }

                Check(section.GetChildren(), parent, keys, snapshot);
            }
            else
            {
                string? nearest = NearestName.Find(relative, keys.Where(key => key.NewPath is null).Select(key => key.Path));
                snapshot.UnknownKeys.Add((section.Path, nearest is null ? null : prefix + nearest));
            }
        }
    }

    private static bool Is(IConfigurationSection section, string key) => section.Key.Equals(key, StringComparison.OrdinalIgnoreCase);

    // Differs when anything of an endpoint differs.
    private static string Print(IConfigurationSection section) => string.Join(
        '\n',
        section.AsEnumerable(makePathsRelative: true).OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase).Select(pair => $"{pair.Key}={pair.Value}"));
}
