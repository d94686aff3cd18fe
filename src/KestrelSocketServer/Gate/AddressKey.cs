using System.Buffers.Binary;
using System.Net;

namespace KestrelSocketServer.Gate;

/// <summary>The IP address of a client as a number: IPv4 as the IPv6 address that it is mapped to, so that both forms are one.</summary>
internal readonly record struct AddressKey(UInt128 Value)
{
    public const int IPv4Size = 4;
    public const int IPv6Size = 16;

    // ::ffff:0:0/96.
    private static readonly UInt128 Mapped = new(0, 0xFFFF_0000_0000);

    public bool IsIPv4 => Value >> 32 == Mapped >> 32;

    public static AddressKey From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[IPv6Size];
        address.TryWriteBytes(bytes, out int count);
        return From(bytes[..count]);
    }

    /// <param name="address">The bytes of an IPv4 or IPv6 address.</param>
    public static AddressKey From(ReadOnlySpan<byte> address) => new(
        address.Length == IPv4Size ? Mapped | BinaryPrimitives.ReadUInt32BigEndian(address) : BinaryPrimitives.ReadUInt128BigEndian(address));

    /// <summary>The key of the network that an IPv6 address belongs to; IPv4 addresses stay as they are.</summary>
    public AddressKey ToNetwork(int ipv6PrefixLength)
        => IsIPv4 || ipv6PrefixLength == 128 ? this : new AddressKey(Value & ~(UInt128.MaxValue >> ipv6PrefixLength));

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[IPv6Size];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return new IPAddress(IsIPv4 ? bytes[^IPv4Size..] : bytes).ToString();
    }
}
