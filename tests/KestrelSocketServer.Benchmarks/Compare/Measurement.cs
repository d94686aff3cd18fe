namespace KestrelSocketServer.Benchmarks;

/// <summary>How much a server did, in which time, and how much of that its processor was busy.</summary>
internal readonly record struct Measurement(double Units, TimeSpan Time, TimeSpan ProcessorTime)
{
    public double PerSecond => Units / Time.TotalSeconds;

    public double PerProcessorSecond => Units / ProcessorTime.TotalSeconds;

    public static Measurement operator +(Measurement left, Measurement right)
        => new(left.Units + right.Units, left.Time + right.Time, left.ProcessorTime + right.ProcessorTime);
}
