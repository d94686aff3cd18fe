using System.Reflection;
using BenchmarkDotNet.Running;
using KestrelSocketServer;
using KestrelSocketServer.Benchmarks;

try
{
    switch (args)
    {
        case ["compare", .. string[] options]:
            CompareCommand.Run(options);
            return 0;
        case ["latency", .. string[] options]:
            LatencyCommand.Run(options);
            return 0;
        case ["accept", .. string[] options]:
            AcceptCommand.Run(options);
            return 0;
        case ["allocations", .. string[] options]:
            AllocationsCommand.Run(options);
            return 0;
        case ["memory", .. string[] options]:
            MemoryCommand.Run(options);
            return 0;
        case ["timeouts", .. string[] options]:
            TimeoutsCommand.Run(options);
            return 0;
        case ["endpoints", .. string[] options]:
            return await EndpointsCommand.RunAsync(options) ? 0 : 1;
        case ["refused", .. string[] options]:
            RefusedCommand.Run(options);
            return 0;
        case ["flood", .. string[] options]:
            FloodCommand.Run(options);
            return 0;
        case ["soak", .. string[] options]:
            return await SoakCommand.RunAsync(options) ? 0 : 1;
        case [EchoServer.Verb, string name]:
            await EchoServer.RunAsync(ServerKind.Find(name));
            return 0;
        case [TimeoutServer.Verb, string name]:
            await TimeoutServer.RunAsync(name);
            return 0;
        case [SoakServer.Verb, string driver]:
            await SoakServer.RunAsync(Enum.Parse<SocketTransportDriver>(driver));
            return 0;
        case [GateServer.Verb, string driver]:
            await GateServer.RunAsync(Enum.Parse<SocketTransportDriver>(driver));
            return 0;
        default:
            BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args);
            return 0;
    }
}
catch (Exception exception) when (exception is ArgumentException or PlatformNotSupportedException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
