namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// What the rounds of a load on a server came to. Ratios are taken within a round. A server that is not busy all the time
/// waited for the load, or for other programs.
/// </summary>
internal sealed record CompareResult(LoadScenario Load, ServerKind Server, Spread PerSecond, Spread Busy, Spread OfBare, Spread OfBarePerProcessorSecond, Spread? OfLimit)
{
    /// <summary>The ratio to bare Kestrel that tells most: of what was done in a time, or where the load is the slower part, of its cost.</summary>
    public Spread Ratio => Load.UsesTls ? OfBarePerProcessorSecond : OfBare;

    public static CompareResult Of(LoadScenario load, ServerKind server, Measurement[] measured, Measurement[] bare, Measurement[]? limit) => new(
        load,
        server,
        Spread.Of(measured.Select(one => one.PerSecond)),
        Spread.Of(measured.Select(one => one.PerSecond / one.PerProcessorSecond)),
        Spread.Of(measured.Zip(bare, (ours, theirs) => ours.PerSecond / theirs.PerSecond)),
        Spread.Of(measured.Zip(bare, (ours, theirs) => ours.PerProcessorSecond / theirs.PerProcessorSecond)),
        limit is null ? null : Spread.Of(measured.Zip(limit, (ours, theirs) => ours.PerSecond / theirs.PerSecond)));
}
