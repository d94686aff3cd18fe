namespace KestrelSocketServer;

/// <summary>A value that a proxy adds to its header (a type-length-value of PROXY protocol version 2).</summary>
/// <param name="type">What it is, as the protocol numbers it.</param>
/// <param name="value">Its bytes.</param>
public sealed class ProxyProtocolTlv(byte type, ReadOnlyMemory<byte> value)
{
    /// <summary>What it is, as the protocol numbers it, such as 0xEA for what is Amazon's.</summary>
    public byte Type { get; } = type;

    /// <summary>Its bytes; not to be changed.</summary>
    public ReadOnlyMemory<byte> Value { get; } = value;
}
