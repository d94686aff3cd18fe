using System.Globalization;
using KestrelSocketServer;
using KestrelSocketServer.TestChild;

// A process of its own for the tests that need one: signals, exit codes, shared ports, exhausted descriptors.
return args[0] switch
{
    "serve" => await ServeCommand.RunAsync(args[1], reusePort: args.Contains("reuse")),
    "web" => await WebCommand.RunAsync(),
    "close" => await CloseCommand.RunAsync(),
    "exhaust" => await ExhaustCommand.RunAsync(acceptorPerLoop: args.Contains("loops")),
    "block" => await BlockCommand.RunAsync(Enum.Parse<SocketTransportDriver>(args.ElementAtOrDefault(1) ?? "EventLoop")),
    "hosts" => await HostsCommand.RunAsync(int.Parse(args[1], CultureInfo.InvariantCulture), block: args.Contains("block")),
    _ => throw new ArgumentException($"'{args[0]}' is no command.", nameof(args)),
};
