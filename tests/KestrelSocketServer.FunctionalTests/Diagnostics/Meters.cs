using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

/// <summary>Collects what the instruments of a host measure.</summary>
internal static class Meters
{
    public static MetricCollector<T> Collect<T>(TestHost host, string instrument)
        where T : struct
        => new(host.Services.GetRequiredService<IMeterFactory>(), "KestrelSocketServer", instrument);

    /// <summary>The tags of a measurement, those whose value the test cannot know apart.</summary>
    public static Dictionary<string, object?> TagsOf<T>(CollectedMeasurement<T> measurement, params string[] but)
        where T : struct
        => measurement.Tags.Where(tag => !but.Contains(tag.Key)).ToDictionary(tag => tag.Key, tag => tag.Value);
}
