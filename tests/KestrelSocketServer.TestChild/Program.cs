using System.Globalization;
using KestrelSocketServer;
using KestrelSocketServer.TestChild;

// A process of its own for the tests that need one: signals, exit codes, shared ports, exhausted descriptors, injected failures.
return args[0] switch
{
    "serve" => await ServeCommand.RunAsync(args[1], reusePort: args.Contains("reuse")),
    "web" => await WebCommand.RunAsync(),
    "close" => await CloseCommand.RunAsync(),
    "exhaust" => await ExhaustCommand.RunAsync(args.Contains("loops"), args.Contains("breaks"), Array.Find(args, IsCertificate)),
    "crowd" => await CrowdCommand.RunAsync(Array.Find(args, IsCertificate)),
    "block" => await BlockCommand.RunAsync(Enum.Parse<SocketTransportDriver>(args.ElementAtOrDefault(1) ?? "EventLoop")),
    "count" => await CountCommand.RunAsync(),
    "tls" => await TlsCommand.RunAsync(args[1..]),
    "reload" => await ReloadCommand.RunAsync(args[1], args.ElementAtOrDefault(2)),
    "mute" => await MuteCommand.RunAsync(),
    "flood" => await FloodCommand.RunAsync(Enum.Parse<SocketTransportDriver>(args[1])),
    "hosts" => await HostsCommand.RunAsync(int.Parse(args[1], CultureInfo.InvariantCulture), block: args.Contains("block")),
    "chaos" => await ChaosCommand.RunAsync(args[1]),
    "endpoints" => await EndpointsCommand.RunAsync(int.Parse(args[1], CultureInfo.InvariantCulture)),
    _ => throw new ArgumentException($"'{args[0]}' is no command.", nameof(args)),
};

static bool IsCertificate(string argument) => argument.EndsWith(".pem", StringComparison.Ordinal);
