using System.Reflection;
using BenchmarkDotNet.Running;
using KestrelSocketServer.Benchmarks;

switch (args)
{
    case ["compare", .. string[] options]:
        CompareCommand.Run(options);
        break;
    case ["allocations"]:
        AllocationsCommand.Run();
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
