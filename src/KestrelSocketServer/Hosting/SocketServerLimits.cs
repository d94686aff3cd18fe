namespace KestrelSocketServer;

/// <summary>What holds for all endpoints of the application together.</summary>
public sealed class SocketServerLimits
{
    /// <summary>
    /// How many bytes may be unsent on all connections together: written by handlers, and not taken by their peers. When there are more, the
    /// connections that hold most are closed with <see cref="SocketCloseReason.Limit"/> until the bound is kept (row G9).
    /// </summary>
    /// <remarks>
    /// Defaults to null: a quarter of the memory that the process may use, as the garbage collector sees it
    /// (<see cref="GCMemoryInfo.TotalAvailableMemoryBytes"/>: of the container, of <c>DOTNET_GCHeapHardLimit</c>, or of the machine). So no
    /// number of slow readers can end the process. <see cref="long.MaxValue"/> is unlimited. What a single connection may hold is bounded by
    /// <see cref="SocketConnectionOptions.WriteBufferHardLimit"/>.
    /// </remarks>
    public long? MaxUnsentBytes { get; set; }
}
