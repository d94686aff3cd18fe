using KestrelSocketServer;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Who may come to an endpoint, how many, and how fast.</summary>
public static class ListenOptionsSocketServerGateExtensions
{
    /// <summary>Sets the limits of the endpoint and of its connections; what is set here prevails over configuration (rows G1 to G4, G6).</summary>
    /// <param name="listenOptions">
    /// An endpoint of UseSocketServer. On the application's own Kestrel, the options of <c>UseSocketHandler</c> are these.
    /// </param>
    /// <param name="configure">Sets them.</param>
    /// <returns>The same endpoint.</returns>
    public static ListenOptions UseLimits(this ListenOptions listenOptions, Action<SocketConnectionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);

        configure(EndpointContext.Get(listenOptions, nameof(UseLimits)).Settings.Options);
        return listenOptions;
    }

    /// <summary>Sets which networks clients may come from, and which not: the latter prevails (row G5).</summary>
    /// <param name="listenOptions">An endpoint of UseSocketServer.</param>
    /// <param name="allow">
    /// Networks in CIDR form, such as <c>10.0.0.0/8</c> and <c>2001:db8::/32</c>, and single addresses: nobody else may come. Null leaves what
    /// configuration says, which is anybody by default.
    /// </param>
    /// <param name="deny">Networks that nobody may come from. Null leaves what configuration says, which is none by default.</param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="ArgumentException">One of them is no network, or nobody is allowed.</exception>
    public static ListenOptions UseAccess(this ListenOptions listenOptions, IEnumerable<string>? allow = null, IEnumerable<string>? deny = null)
    {
        EndpointContext endpoint = EndpointContext.Get(listenOptions, nameof(UseAccess));
        if (allow is not null)
        {
            Replace(endpoint.Access.Allow, allow, nameof(allow));
            if (endpoint.Access.Allow.Count == 0)
            {
                throw new ArgumentException($"Endpoint '{endpoint.Server.Name}': nobody is allowed; give a network, or null to allow anybody.", nameof(allow));
            }
        }

        if (deny is not null)
        {
            Replace(endpoint.Access.Deny, deny, nameof(deny));
        }

        return listenOptions;

        void Replace(IList<string> list, IEnumerable<string> networks, string parameter)
        {
            list.Clear();
            foreach (string network in networks)
            {
                list.Add(NetworkList.TryParse(network, out _, out string? fault)
                    ? network
                    : throw new ArgumentException($"Endpoint '{endpoint.Server.Name}': {fault}.", parameter));
            }
        }
    }
}
