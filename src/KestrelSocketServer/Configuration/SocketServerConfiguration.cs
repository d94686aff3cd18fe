using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer;

/// <summary>Reads the endpoints from configuration, and finds all mistakes at once.</summary>
internal static class SocketServerConfiguration
{
    /// <summary>The section that is read unless another one is given.</summary>
    public const string DefaultSection = "SocketServer";

    private const string EndpointsKey = "Endpoints";
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
            foreach (IConfigurationSection endpoint in endpoints)
            {
                snapshot.Add(Bind(endpoint, defaults));
            }
        }

        return snapshot;
    }

    private static ConfiguredEndpoint Bind(IConfigurationSection endpoint, IConfigurationSection defaults)
    {
        var options = new SocketEndpointOptions();
        defaults.Bind(options);
        endpoint.Bind(options);
        return new ConfiguredEndpoint(endpoint.Key, endpoint.Path, options, Print(defaults) + '\n' + Print(endpoint));
    }

    private static void Check(
        IEnumerable<IConfigurationSection> sections, IConfiguration parent, IReadOnlyList<ConfigurationKey> keys, SocketServerSnapshot snapshot)
    {
        string prefix = parent is IConfigurationSection { Path: { Length: > 0 } path } ? path + ':' : "";
        foreach (IConfigurationSection section in sections)
        {
            string relative = section.Path[prefix.Length..];
            if (keys.FirstOrDefault(key => key.Path.Equals(relative, StringComparison.OrdinalIgnoreCase)) is { } known)
            {
                if (known.Check(section.Value ?? "") is { } error)
                {
                    snapshot.Errors.Add($"{section.Path}: {error}");
                }
            }
            else if (keys.Any(key => key.Path.StartsWith(relative + ':', StringComparison.OrdinalIgnoreCase)))
            {
                Check(section.GetChildren(), parent, keys, snapshot);
            }
            else
            {
                string? nearest = NearestName.Find(relative, keys.Select(key => key.Path));
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
