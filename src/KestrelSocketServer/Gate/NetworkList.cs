using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Addresses;

namespace KestrelSocketServer.Gate;

/// <summary>A list of networks in CIDR form. Looking an address up costs the logarithm of how many there are.</summary>
/// <remarks>IPv4 and IPv6 are apart: <c>::/0</c> is all of IPv6, and none of IPv4. An IPv4-mapped network is one of IPv4.</remarks>
internal sealed class NetworkList
{
    private const int MappedPrefixLength = 96;

    // Without overlaps, in order.
    private readonly AddressRange[] _ipv4;
    private readonly AddressRange[] _ipv6;

    public NetworkList(IEnumerable<IPNetwork> networks)
    {
        ILookup<bool, AddressRange> ranges = networks.Select(ToRange).ToLookup(range => range.First.IsIPv4 && range.Last.IsIPv4);
        _ipv4 = Merge(ranges[true]);
        _ipv6 = Merge(ranges[false]);
    }

    /// <summary>Whether an address is in one of the networks.</summary>
    public bool Contains(AddressKey address)
    {
        AddressRange[] ranges = address.IsIPv4 ? _ipv4 : _ipv6;
        int low = 0;
        int high = ranges.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (ranges[middle].Last.Value < address.Value)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < ranges.Length && ranges[low].First.Value <= address.Value;
    }

    /// <summary>Makes a list of texts.</summary>
    /// <returns>Null where there are none.</returns>
    /// <exception cref="FormatException">One of them is no network; the message says why.</exception>
    public static NetworkList? Parse(IEnumerable<string> networks)
    {
        IPNetwork[] parsed = [.. networks.Select(text => TryParse(text, out IPNetwork network, out string? fault) ? network : throw new FormatException(fault))];
        return parsed.Length == 0 ? null : new NetworkList(parsed);
    }

    /// <summary>Parses a network, <c>10.0.0.0/8</c> or <c>2001:db8::/32</c>, or a single address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="network">The network.</param>
    /// <param name="fault">What is wrong with the text.</param>
    public static bool TryParse(string? text, out IPNetwork network, [NotNullWhen(false)] out string? fault)
    {
        network = default;
        string address = text ?? "";
        int slash = address.IndexOf('/', StringComparison.Ordinal);
        string? length = slash < 0 ? null : address[(slash + 1)..];
        address = slash < 0 ? address : address[..slash];
        if (address.Contains('%', StringComparison.Ordinal)
            || !(StrictIPAddress.TryParseIPv4(address, out IPAddress? ip) || StrictIPAddress.TryParseIPv6(address, out ip)))
        {
            fault = $"'{PrintableText.From(text ?? "")}' is not allowed; write a network such as 10.0.0.0/8 or 2001:db8::/32, or an address such as 192.0.2.1";
            return false;
        }

        int longest = ip.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        int prefix = longest;
        if (length is not null && (!ListenAddressParser.TryParseNumber(length, maxDigits: 3, out int number) || (prefix = number) > longest))
        {
            fault = $"'{PrintableText.From(text!)}' is not allowed; the length behind the slash is from 0 to {longest}";
            return false;
        }

        UInt128 mask = prefix == 0 ? 0 : UInt128.MaxValue << (longest - prefix);
        AddressKey key = AddressKey.From(ip);
        var first = new AddressKey(ip.AddressFamily == AddressFamily.InterNetwork ? key.Value & (mask | ~(UInt128)uint.MaxValue) : key.Value & mask);
        if (first != key)
        {
            fault = $"'{text}' has an address with bits beyond its first {prefix}; write {first}/{prefix}, or the address alone";
            return false;
        }

        network = new IPNetwork(ip, prefix);
        fault = null;
        return true;
    }

    private static AddressRange ToRange(IPNetwork network)
    {
        int prefix = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? network.PrefixLength + MappedPrefixLength : network.PrefixLength;
        AddressKey first = AddressKey.From(network.BaseAddress);
        return new AddressRange(first, new AddressKey(first.Value | (prefix == 128 ? 0 : UInt128.MaxValue >> prefix)));
    }

    private static AddressRange[] Merge(IEnumerable<AddressRange> ranges)
    {
        var merged = new List<AddressRange>();
        foreach (AddressRange range in ranges.OrderBy(range => range.First.Value))
        {
            if (merged.Count > 0 && range.First.Value <= merged[^1].Last.Value)
            {
                merged[^1] = new AddressRange(merged[^1].First, new AddressKey(UInt128.Max(merged[^1].Last.Value, range.Last.Value)));
            }
            else
            {
                merged.Add(range);
            }
        }

        return [.. merged];
    }

    private readonly record struct AddressRange(AddressKey First, AddressKey Last);
}
