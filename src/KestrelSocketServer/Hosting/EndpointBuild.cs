using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Configuration;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Hosting;

/// <summary>An endpoint on its way from a plan to a server.</summary>
internal sealed class EndpointBuild(EndpointPlan plan, SocketServer server, EndpointContext context, ConnectionDelegate pipeline, AppliedEndpoint? applied)
{
    public EndpointPlan Plan { get; } = plan;

    public SocketServer Server { get; } = server;

    public EndpointContext Context { get; } = context;

    public ConnectionDelegate Pipeline { get; } = pipeline;

    /// <summary>The new listening sockets, where they are needed.</summary>
    public IReadOnlyList<Socket> Sockets { get; set; } = [];

    /// <summary>What listens with them, once it was started.</summary>
    public EndpointBinding? Binding { get; set; }

    /// <summary>Whether the server's sockets are already what the plan asks for.</summary>
    public bool KeepsSockets { get; } =
        applied is not null && server.Binding is { } binding && ReferenceEquals(applied.Context, binding.Context)
        && applied.Plan.Address.Equals(plan.Address) && applied.Context.Listener.CanBecome(context.Listener);

    /// <summary>Whether the server holds the address that the plan asks for.</summary>
    public bool IsInTheWayOf(SocketServer other)
    {
        // Nor is an inherited socket in the way: closing it here would not free its address.
        if (other.Binding is not { } binding
            || (Context.Listener.ReusePort && binding.Context.Listener.ReusePort)
            || binding.Context.Address.EndPoint is FileHandleEndPoint)
        {
            return false;
        }

        return IsInTheWay(Plan.Address.EndPoint, binding.Listener.EndPoint);
    }

    /// <summary>Whether a socket that is bound to one keeps another from being bound to the other.</summary>
    public static bool IsInTheWay(EndPoint wanted, EndPoint held) => (wanted, held) switch
    {
        (IPEndPoint one, IPEndPoint other) => one.Port == other.Port && one.Port != 0
            && (one.Address.Equals(other.Address) || one.Address.IsAny() || other.Address.IsAny()),
        (UnixDomainSocketEndPoint one, UnixDomainSocketEndPoint other) => one.Equals(other),
        _ => false,
    };
}
