using System.Net.Sockets;
using KestrelSocketServer.Addresses;
using KestrelSocketServer.Configuration;
using KestrelSocketServer.Connections;
using KestrelSocketServer.Diagnostics;
using KestrelSocketServer.Servers;
using KestrelSocketServer.Transport;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Hosting;

/// <summary>
/// Makes the endpoints what a set of plans says, all of it or nothing: everything that can fail is done before anything is
/// given up, and undone when it fails. Used by one at a time.
/// </summary>
internal sealed class EndpointReconciler(
    IServiceProvider services, SocketTransport transport, ILogger logger, TimeProvider timeProvider, ConnectionClock clock, UnsentAccount unsent)
{
    private readonly SocketServerMetrics? _metrics = SocketServerMetrics.From(services);

    // What each server follows. One that was started at run time follows no plan.
    private readonly Dictionary<SocketServer, AppliedEndpoint> _applied = [];

    /// <summary>Applies the plans of the servers.</summary>
    /// <returns>Whether anything was changed.</returns>
    /// <exception cref="InvalidOperationException">An endpoint does not fit together; nothing is changed.</exception>
    /// <exception cref="IOException">An address cannot be listened on; nothing is changed (row A13).</exception>
    public async Task<bool> ApplyAsync(
        IReadOnlyList<EndpointPlan> plans, Func<string, SocketServer> serverOf, CancellationToken cancellationToken)
    {
        EndpointBuild[] builds = [.. plans
            .Select(plan => (Plan: plan, Server: serverOf(plan.Name)))
            .Where(pair => !_applied.TryGetValue(pair.Server, out AppliedEndpoint? applied)
                || applied.Plan.Fingerprint != pair.Plan.Fingerprint || !applied.Plan.Address.Equals(pair.Plan.Address))
            .Select(pair => Build(pair.Plan, pair.Server))];
        HashSet<SocketServer> planned = [.. plans.Select(plan => serverOf(plan.Name))];
        SocketServer[] removed = [.. _applied.Keys.Where(server => !planned.Contains(server))];

        EndpointBuild[] moved = [.. builds.Where(build => !build.KeepsSockets)];
        SocketServer[] leaving = [.. removed.Concat(moved.Select(build => build.Server)).Where(server => server.IsListening)];
        cancellationToken.ThrowIfCancellationRequested();
        if (moved.Length > 0)
        {
            transport.Start();
        }

        await ListenAsync(moved, leaving).ConfigureAwait(false);

        // From here on nothing can fail, and nothing is given up half-way.
        foreach (EndpointBuild build in moved)
        {
            build.Server.Replace(build.Binding!);
        }

        foreach (EndpointBuild build in builds)
        {
            _applied[build.Server] = new AppliedEndpoint(build.Plan, build.Context);
            build.Server.Update(build.Context, build.Pipeline);
        }

        foreach (SocketServer server in removed)
        {
            _applied.Remove(server);
            await server.CloseAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return builds.Length + removed.Length > 0;
    }

    /// <summary>Starts an endpoint that is no part of the plans.</summary>
    /// <exception cref="InvalidOperationException">The endpoint does not fit together.</exception>
    /// <exception cref="IOException">The address cannot be listened on (row A13).</exception>
    public void Listen(EndpointPlan plan, SocketServer server)
    {
        EndpointBuild build = Build(plan, server);
        transport.Start();
        IReadOnlyList<Socket> sockets = Bind(plan.Name, plan.Address, build.Context.Listener);
        server.Replace(EndpointBinding.Start(sockets, build.Context, build.Pipeline, transport));
    }

    private IReadOnlyList<Socket> Bind(string name, ListenAddress address, SocketListenerOptions options)
        => ListeningSockets.Bind(name, address, options, options.AcceptorPerLoop ? transport.MaxAcceptors : 1, logger);

    private EndpointBuild Build(EndpointPlan plan, SocketServer server)
    {
        var settings = new ConnectionSettings(plan.Options.Limits, server.OpenConnections, logger, timeProvider, clock) { Metrics = _metrics, Unsent = unsent };
        var context = new EndpointContext(server, plan.Address, plan.Options.Socket, settings)
        {
            ApplicationServices = services,
            Access = plan.Options.Access,
        };
        return new EndpointBuild(plan, server, context, EndpointPipeline.Build(plan.Configure, context), _applied.GetValueOrDefault(server));
    }

    // A new socket is bound before the old one is closed, so that no client is refused; where both want the same port, after. Starting to
    // accept can fail too: it takes threads and descriptors.
    private async Task ListenAsync(EndpointBuild[] builds, SocketServer[] leaving)
    {
        var closed = new List<(SocketServer Server, EndpointBinding Binding)>();
        try
        {
            foreach (EndpointBuild build in builds.OrderBy(build => leaving.Any(build.IsInTheWayOf)))
            {
                foreach (SocketServer server in leaving.Where(build.IsInTheWayOf))
                {
                    closed.Add((server, server.Binding!));
                    await server.CloseAsync(CancellationToken.None).ConfigureAwait(false);
                }

                build.Sockets = Bind(build.Plan.Name, build.Plan.Address, build.Context.Listener);
            }

            foreach (EndpointBuild build in builds)
            {
                build.Binding = EndpointBinding.Start(build.Sockets, build.Context, build.Pipeline, transport);
            }
        }
        catch
        {
            // Thrown on, once everything is as it was.
            foreach (EndpointBuild build in builds)
            {
                build.Binding?.Close();
                ListeningSockets.Close(build.Sockets, build.Plan.Address);
            }

            foreach ((SocketServer server, EndpointBinding binding) in closed)
            {
                try
                {
                    Restore(server, binding);
                }
                catch (Exception exception)
                {
                    // Somebody else was faster to take the address, or there is no descriptor: the others are restored all the same. Whatever
                    // is applied next, this one is listened on again by that.
                    _applied.Remove(server);
                    logger.RestoreFailed(exception, server.Name);
                }
            }

            throw;
        }
    }

    private void Restore(SocketServer server, EndpointBinding binding)
    {
        // The address that it really had, also where the plan left the port open.
        var address = new ListenAddress(binding.Listener.EndPoint is UnixDomainSocketEndPoint ? ListenAddressParser.Unix : ListenAddressParser.Tcp, binding.Listener.EndPoint);
        IReadOnlyList<Socket> sockets = Bind(server.Name, address, binding.Context.Listener);
        server.Replace(EndpointBinding.Start(sockets, binding.Context, binding.Pipeline, transport));
    }
}
