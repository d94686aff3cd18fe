using System.IO.Pipelines;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>
/// What users of a pipe rely on, as the documentation of System.IO.Pipelines tells it. The tests run over the transport with
/// each of its drivers, and over the framework's own <see cref="Pipe"/>, which has to pass them too.
/// </summary>
/// <param name="driver">The driver; null for the framework's pipe.</param>
public abstract class PipeContractTests(SocketTransportDriver? driver) : IAsyncLifetime
{
    private readonly List<DuplexPair> _pairs = [];
    private HandoverServer? _server;

    /// <summary>The first pair, there from the start of each test.</summary>
    protected DuplexPair Pair => _pairs[0];

    protected PipeReader Input => Pair.Input;

    protected PipeWriter Output => Pair.Output;

    public async Task InitializeAsync()
    {
        if (driver is { } chosen)
        {
            _server = await HandoverServer.StartAsync(chosen);
        }

        await ConnectAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (DuplexPair pair in _pairs)
        {
            await pair.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    protected async Task<DuplexPair> ConnectAsync()
    {
        DuplexPair pair = _server is null ? new PipePair() : await _server.ConnectAsync();
        _pairs.Add(pair);
        return pair;
    }
}
