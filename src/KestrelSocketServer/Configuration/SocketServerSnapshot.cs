namespace KestrelSocketServer.Configuration;

/// <summary>What configuration says at one moment, with all that is wrong with it.</summary>
internal sealed class SocketServerSnapshot
{
    private readonly Dictionary<string, ConfiguredEndpoint> _endpoints = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyDictionary<string, ConfiguredEndpoint> Endpoints => _endpoints;

    /// <summary>The bound of what is unsent on all connections; null where none is given.</summary>
    public long? MaxUnsentBytes { get; set; }

    public List<string> Errors { get; } = [];

    /// <summary>Keys that have no effect, each with the known key that is nearest, if any is near.</summary>
    public List<(string Path, string? Nearest)> UnknownKeys { get; } = [];

    /// <summary>Keys that have a new name, each with that.</summary>
    public List<(string Path, string NewPath)> RenamedKeys { get; } = [];

    public void Add(ConfiguredEndpoint endpoint) => _endpoints.Add(endpoint.Name, endpoint);
}
