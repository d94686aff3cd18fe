using KestrelSocketServer.Configuration;
using KestrelSocketServer.Servers;

namespace KestrelSocketServer.Hosting;

/// <summary>The plan that a server follows.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Context">What it was built with.</param>
internal sealed record AppliedEndpoint(EndpointPlan Plan, EndpointContext Context);
