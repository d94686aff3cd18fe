using Microsoft.Extensions.Configuration;

namespace KestrelSocketServer.Configuration;

/// <summary>Finds the files behind a configuration.</summary>
internal static class ConfigurationFiles
{
    /// <param name="configuration">A configuration, or a section of one.</param>
    /// <param name="application">The configuration of the application, of which it may be a section.</param>
    /// <returns>The readers of the files that are followed.</returns>
    public static IEnumerable<FileConfigurationProvider> Find(IConfiguration configuration, IConfiguration? application)
    {
        // A section does not tell what it is a section of, but its changes are told by the same token.
        IConfigurationRoot? root = configuration as IConfigurationRoot
            ?? (ReferenceEquals(configuration.GetReloadToken(), application?.GetReloadToken()) ? application as IConfigurationRoot : null);
        return root is null ? [] : Find(root);
    }

    private static IEnumerable<FileConfigurationProvider> Find(IConfigurationRoot root) => root.Providers.SelectMany(provider => provider switch
    {
        FileConfigurationProvider { Source: { ReloadOnChange: true, FileProvider: not null, Path: not null } } file => [file],
        ChainedConfigurationProvider { Configuration: IConfigurationRoot chained } => Find(chained),
        _ => Enumerable.Empty<FileConfigurationProvider>(),
    });
}
