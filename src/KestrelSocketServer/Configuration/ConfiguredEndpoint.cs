namespace KestrelSocketServer.Configuration;

/// <summary>An endpoint as configuration gives it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Path">Where it stands in configuration.</param>
/// <param name="Options">Its options, the defaults included.</param>
/// <param name="Fingerprint">Differs when anything of it differs.</param>
internal sealed record ConfiguredEndpoint(string Name, string Path, SocketEndpointOptions Options, string Fingerprint);
