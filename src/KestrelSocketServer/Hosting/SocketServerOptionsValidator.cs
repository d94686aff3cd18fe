using Microsoft.Extensions.Options;

namespace KestrelSocketServer;

internal sealed class SocketServerOptionsValidator : IValidateOptions<SocketServerOptions>
{
    public ValidateOptionsResult Validate(string? name, SocketServerOptions options)
        => options.ShutdownTimeout >= TimeSpan.Zero || options.ShutdownTimeout == Timeout.InfiniteTimeSpan
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"SocketServer:ShutdownTimeout: '{options.ShutdownTimeout}' is negative; give zero or more, or Timeout.InfiniteTimeSpan to wait as long as the host does.");
}
