using KestrelSocketServer.Servers;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.Configuration;

/// <summary>What an endpoint is to be: what configuration and code say of it together.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">What to listen on.</param>
/// <param name="Options">What configuration says; <paramref name="Configure"/> prevails over it.</param>
/// <param name="Configure">What code says.</param>
/// <param name="Fingerprint">Differs when anything of the configuration differs.</param>
internal sealed record EndpointPlan(string Name, ListenAddress Address, SocketEndpointOptions Options, Action<ListenOptions> Configure, string Fingerprint)
{
    /// <summary>Plans all endpoints; adds to the snapshot's errors what does not fit together.</summary>
    public static IReadOnlyList<EndpointPlan> Create(IReadOnlyDictionary<string, EndpointDefinition> code, SocketServerSnapshot configuration)
    {
        var plans = new List<EndpointPlan>();
        foreach (string name in code.Keys.Union(configuration.Endpoints.Keys, StringComparer.OrdinalIgnoreCase))
        {
            code.TryGetValue(name, out EndpointDefinition? definition);
            configuration.Endpoints.TryGetValue(name, out ConfiguredEndpoint? configured);
            if (Create(definition, configured, configuration.Errors) is { } plan)
            {
                plans.Add(plan);
            }
        }

        return plans;
    }

    private static EndpointPlan? Create(EndpointDefinition? code, ConfiguredEndpoint? configured, List<string> errors)
    {
        if (configured is { Options.Enabled: false } || (code is null && configured!.Options.Optional))
        {
            return null;
        }

        SocketEndpointOptions options = configured?.Options ?? new SocketEndpointOptions();
        ListenAddress? address = options.Url is null ? code?.Address : ListenAddress.Parse(options.Url);
        if (address is not null)
        {
            // A certificate that is half given is among the errors, which keep the plans from being followed.
            SocketTlsOptions? tls = address.IsTls && errors.Count == 0 ? options.ToTls() : null;
            return new EndpointPlan(code?.Name ?? configured!.Name, address, options, Configure, configured?.Fingerprint ?? "");

            void Configure(ListenOptions listen)
            {
                if (tls is not null || options.ProxyProtocol.Mode != ProxyProtocolMode.Off)
                {
                    EndpointContext.Get(listen, nameof(options.ProxyProtocol)).UseProxyProtocol(options.ProxyProtocol);
                }

                if (tls is not null)
                {
                    listen.UseHttps(tls);
                }

                code?.Configure(listen);
            }
        }

        if (configured is not null)
        {
            errors.Add($"{configured.Path}:Url: is missing; write an address such as 'tcp://127.0.0.1:8080'");
        }
        else if (!code!.Optional)
        {
            errors.Add($"Endpoint '{code.Name}' has a handler but no address: configure {SocketServerConfiguration.DefaultSection}:Endpoints:{code.Name}:Url, or mark it as Optional in code");
        }

        return null;
    }
}
