using System.Globalization;
using System.Numerics;

namespace KestrelSocketServer.Benchmarks;

/// <summary>The options of a command. Each is taken by its name; what is left in the end is a mistake.</summary>
internal sealed class CommandLine(string usage, IEnumerable<string> arguments)
{
    private readonly List<string> _rest = [.. arguments];

    public bool TakeFlag(string name) => _rest.Remove(name);

    public string? TakeText(string name)
    {
        int index = _rest.IndexOf(name);
        if (index < 0)
        {
            return null;
        }

        if (index + 1 == _rest.Count)
        {
            throw Misunderstood(name);
        }

        string value = _rest[index + 1];
        _rest.RemoveRange(index, 2);
        return value;
    }

    /// <summary>Takes an option that may be given more than once.</summary>
    public IReadOnlyList<string> TakeTexts(string name)
    {
        var values = new List<string>();
        while (TakeText(name) is { } value)
        {
            values.Add(value);
        }

        return values;
    }

    /// <summary>Takes a number above zero.</summary>
    public T TakeNumber<T>(string name, T defaultValue)
        where T : INumber<T>
        => TakeText(name) is not { } text ? defaultValue
            : T.TryParse(text, CultureInfo.InvariantCulture, out T? value) && value > T.Zero ? value
            : throw Misunderstood($"{name} {text}");

    public TimeSpan TakeSeconds(string name, double defaultValue) => TimeSpan.FromSeconds(TakeNumber(name, defaultValue));

    public T TakeName<T>(string name, T defaultValue)
        where T : struct, Enum
        => TakeText(name) is not { } text ? defaultValue
            : Enum.TryParse(text, ignoreCase: true, out T value) && Enum.IsDefined(value) ? value
            : throw Misunderstood($"{name} {text}");

    /// <summary>Refuses whatever was not taken.</summary>
    public void End()
    {
        if (_rest.Count > 0)
        {
            throw Misunderstood(_rest[0]);
        }
    }

    private ArgumentException Misunderstood(string what) => new($"'{what}' is not understood; write: {usage}");
}
