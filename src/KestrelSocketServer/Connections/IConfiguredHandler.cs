using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Connections;

/// <summary>
/// A handler of the library's own, which wants more than a connection: what the connections of its endpoint have in common.
/// </summary>
internal interface IConfiguredHandler
{
    Task RunAsync(ConnectionContext context, ConnectionSettings settings);
}
