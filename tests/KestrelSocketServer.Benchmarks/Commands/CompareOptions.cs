using System.Globalization;

namespace KestrelSocketServer.Benchmarks;

/// <summary>How long and how often each load runs on each server, and which loads do: those whose name contains the text.</summary>
internal sealed record CompareOptions(TimeSpan Time, int Rounds, string Load)
{
    private static readonly CompareOptions Default = new(TimeSpan.FromSeconds(0.4), 3, "");

    public static CompareOptions Parse(ReadOnlySpan<string> options) => Parse(options, Default);

    private static CompareOptions Parse(ReadOnlySpan<string> options, CompareOptions parsed) => options switch
    {
        [] => parsed,
        ["--seconds", string value, .. var rest] when double.TryParse(value, CultureInfo.InvariantCulture, out double seconds) && seconds > 0
            => Parse(rest, parsed with { Time = TimeSpan.FromSeconds(seconds) }),
        ["--rounds", string value, .. var rest] when int.TryParse(value, CultureInfo.InvariantCulture, out int rounds) && rounds > 0
            => Parse(rest, parsed with { Rounds = rounds }),
        ["--load", string text, .. var rest] => Parse(rest, parsed with { Load = text }),
        _ => throw new ArgumentException($"'{options[0]}' is not understood; write: compare [--seconds N] [--rounds N] [--load TEXT]"),
    };
}
