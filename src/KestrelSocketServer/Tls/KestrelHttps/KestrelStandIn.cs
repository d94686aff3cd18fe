using System.IO.Pipelines;
using KestrelSocketServer.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Tls.KestrelHttps;

/// <summary>
/// Stands in for a connection on Kestrel's server, which counts and measures it there and gives it features. The connection takes those over
/// that it does not have itself, and stays on its event loop.
/// </summary>
internal sealed class KestrelStandIn : ConnectionContext, IThreadPoolWorkItem
{
    private readonly ConnectionContext _connection;
    private readonly IConnectionControl _control;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Completed on the event loop, where the connection is to go on.
    private readonly TaskCompletionSource<bool> _started = new();
    private bool _isRunning;

    public KestrelStandIn(ConnectionContext connection)
    {
        _connection = connection;
        _control = connection.Features.GetRequiredFeature<IConnectionControl>();
        ConnectionId = connection.ConnectionId;
        Transport = connection.Transport;
        LocalEndPoint = connection.LocalEndPoint;
        RemoteEndPoint = connection.RemoteEndPoint;
    }

    public override string ConnectionId { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    public override IDuplexPipe Transport { get; set; }

    /// <summary>Waits until Kestrel runs it.</summary>
    /// <returns>False when Kestrel has failed to.</returns>
    public Task<bool> StartAsync() => _started.Task;

    /// <summary>The connection is over.</summary>
    public void End() => _ended.TrySetResult();

    /// <summary>Kestrel's pipeline, which lasts as long as the connection.</summary>
    public Task RunAsync()
    {
        foreach ((Type type, object feature) in Features)
        {
            _connection.Features[type] ??= feature;
        }

        _isRunning = true;
        _control.Schedule(this);
        return _ended.Task;
    }

    // Kestrel stops, which is not for it to tell the connection.
    public override void Abort(ConnectionAbortedException abortReason) => End();

    public override ValueTask DisposeAsync()
    {
        if (!_isRunning)
        {
            // Something threw before its pipeline, as a listener of Kestrel's meter may.
            _control.Schedule(this);
        }

        return base.DisposeAsync();
    }

    void IThreadPoolWorkItem.Execute() => _started.SetResult(_isRunning);
}
