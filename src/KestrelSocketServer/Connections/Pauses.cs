namespace KestrelSocketServer.Connections;

/// <summary>What keeps a connection from being read: the application's own pause, and any number of full destinations. From any thread.</summary>
internal struct Pauses
{
    private const int ByApplication = 1;
    private const int ByDestination = 2;

    private int _value;

    public readonly bool Any => Volatile.Read(in _value) != 0;

    public void Pause() => Interlocked.Or(ref _value, ByApplication);

    /// <returns>Whether nothing pauses any more.</returns>
    public bool Resume() => Interlocked.And(ref _value, ~ByApplication) == ByApplication;

    public void Hold() => Interlocked.Add(ref _value, ByDestination);

    /// <returns>Whether nothing pauses any more.</returns>
    public bool Release() => Interlocked.Add(ref _value, -ByDestination) == 0;
}
