using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A running server of a kind.</summary>
internal sealed record MeasuredServer(ServerKind Kind, ServerProcess Process)
{
    public string Name => Kind.Name;

    public IPEndPoint EndPoint => Process.EndPoints[0];

    public IPEndPoint TlsEndPoint => Process.EndPoints[1];
}
