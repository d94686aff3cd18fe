namespace KestrelSocketServer.Connections;

/// <summary>What a <see cref="ConnectionClock"/> looks at with each of its ticks.</summary>
internal interface IClockItem
{
    /// <summary>Its place in the clock, which alone sets it.</summary>
    int ClockIndex { get; set; }

    /// <summary>Time has passed. Never called twice at the same time, but perhaps once more after it was removed.</summary>
    void OnTick(ClockTime now);
}
