using System.Globalization;

namespace KestrelSocketServer.Benchmarks;

/// <summary>How often a listen queue of this system was full; each time costs a client a second, until it tries again.</summary>
internal static class ListenOverflows
{
    private const string Group = "TcpExt:";
    private const string Name = "ListenOverflows";

    public static long Count()
    {
        // A line with names, then one with numbers.
        string[][] lines = [.. File.ReadLines("/proc/net/netstat").Where(line => line.StartsWith(Group, StringComparison.Ordinal)).Select(line => line.Split(' '))];
        return long.Parse(lines[1][Array.IndexOf(lines[0], Name)], CultureInfo.InvariantCulture);
    }
}
