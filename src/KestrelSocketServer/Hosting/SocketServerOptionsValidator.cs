using KestrelSocketServer.Configuration;
using Microsoft.Extensions.Options;

namespace KestrelSocketServer.Hosting;

/// <summary>Finds all mistakes of the configuration, and of what code and configuration say together.</summary>
internal sealed class SocketServerOptionsValidator : IValidateOptions<SocketServerOptions>
{
    public ValidateOptionsResult Validate(string? name, SocketServerOptions options)
    {
        SocketServerSnapshot configuration = SocketServerConfiguration.Read(options.Configuration);
        if (configuration.Errors.Count == 0)
        {
            EndpointPlan.Create(options.Endpoints, configuration);
        }

        if (options.ShutdownTimeout < TimeSpan.Zero && options.ShutdownTimeout != Timeout.InfiniteTimeSpan)
        {
            configuration.Errors.Add(
                $"{nameof(SocketServerOptions.ShutdownTimeout)}: '{options.ShutdownTimeout}' is negative; give zero or more, or Timeout.InfiniteTimeSpan to wait as long as the host does");
        }

        if (options.Limits.MaxUnsentBytes < 1)
        {
            configuration.Errors.Add(
                $"{nameof(SocketServerOptions.Limits)}:{nameof(SocketServerLimits.MaxUnsentBytes)}: '{options.Limits.MaxUnsentBytes}' is not allowed; write 1 or more, or leave it out");
        }

        configuration.Errors.AddRange(options.Transport.FindFaults().Select(fault => $"{nameof(SocketServerOptions.Transport)}:{fault}"));
        return configuration.Errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(configuration.Errors);
    }
}
