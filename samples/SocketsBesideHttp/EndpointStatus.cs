using System.Net;
using KestrelSocketServer;

namespace SocketsBesideHttp;

/// <summary>What the page and /endpoints tell about an endpoint.</summary>
internal sealed record EndpointStatus(string Name, string? Address, int Connections, string? TryIt)
{
    public static EndpointStatus Of(ISocketServer server) => new(
        server.Name,
        server.Address,
        server.Connections.Count,
        server.Name == DevelopmentCertificate.Endpoint ? TlsClient(server.EndPoint) : Client(server.EndPoint));

    /// <summary>What to type to talk to it; a client cannot connect to "all interfaces", so that becomes the loopback one.</summary>
    private static string? Client(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint ip when ip.Address.Equals(IPAddress.Any) => $"nc {IPAddress.Loopback} {ip.Port}",
        IPEndPoint ip when ip.Address.Equals(IPAddress.IPv6Any) => $"nc {IPAddress.IPv6Loopback} {ip.Port}",
        IPEndPoint ip => $"nc {ip.Address} {ip.Port}",
        null => null,
        _ => $"nc -U {endPoint}",
    };

    private static string? TlsClient(EndPoint? endPoint)
        => endPoint is IPEndPoint ip ? $"openssl s_client -quiet -CAfile \"{DevelopmentCertificate.Location}\" -connect {ip}" : null;
}
