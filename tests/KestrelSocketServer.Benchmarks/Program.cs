using System.Reflection;
using BenchmarkDotNet.Running;
using KestrelSocketServer.Benchmarks;

try
{
    switch (args)
    {
        case ["compare", .. string[] options]:
            CompareCommand.Run(options);
            break;
        case ["allocations"]:
            AllocationsCommand.Run();
            break;
        case ["tls"]:
            await TlsCommand.RunAsync();
            break;
        case ["memory"]:
            MemoryCommand.Run();
            break;
        case [EchoServer.Verb, string style]:
            await EchoServer.RunAsync(EchoStyle.Find(style));
            break;
        default:
            BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args);
            break;
    }

    return 0;
}
catch (Exception exception) when (exception is ArgumentException or PlatformNotSupportedException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}
