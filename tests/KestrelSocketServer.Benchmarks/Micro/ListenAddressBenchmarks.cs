using BenchmarkDotNet.Attributes;

namespace KestrelSocketServer.Benchmarks;

[MemoryDiagnoser]
public class ListenAddressBenchmarks
{
    [Params("8080", "127.0.0.1:8080", "tls://[2001:db8::1]:8443", "unix:///run/app.sock", "localhost:8080")]
    public string Address { get; set; } = "";

    [Benchmark]
    public bool TryParse() => ListenAddress.TryParse(Address, out _);
}
