using BenchmarkDotNet.Attributes;

namespace KestrelSocketServer.Benchmarks;

/// <summary>One message there and back, beside a handler that has the same two pipes and nothing in between.</summary>
[MemoryDiagnoser]
public class PumpBenchmarks
{
    private static readonly byte[] Message = LoadMessage.Create(32);

    private InMemoryEcho _echo = null!;

    [ParamsSource(nameof(Styles))]
    public string Style { get; set; } = "";

    public static IEnumerable<string> Styles => EchoStyle.All.Select(style => style.Name);

    [GlobalSetup]
    public void Start() => _echo = new InMemoryEcho(EchoStyle.Find(Style));

    [Benchmark]
    public ValueTask Echo() => _echo.EchoAsync(Message);

    [GlobalCleanup]
    public Task EndAsync() => _echo.EndAsync();
}
