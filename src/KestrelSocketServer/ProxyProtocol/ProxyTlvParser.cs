using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>Parses the type-length-values of a header of version 2.</summary>
internal static class ProxyTlvParser
{
    private const byte ChecksumType = 0x03;
    private const byte TlsType = 0x20;
    private const byte TlsVersionType = 0x21;
    private const byte TlsCommonNameType = 0x22;
    private const byte TlsCipherType = 0x23;

    private const int PrefixLength = 3;
    private const int ChecksumLength = 4;
    private const int TlsFixedLength = 5;

    /// <summary>Parses those of a header.</summary>
    /// <param name="header">The whole header.</param>
    /// <param name="start">Where they begin in it.</param>
    /// <param name="tlvs">All of them, in order.</param>
    /// <param name="tls">What those of TLS say.</param>
    /// <returns>What is wrong with them, null when nothing is.</returns>
    public static string? Parse(ReadOnlySpan<byte> header, int start, out IReadOnlyList<ProxyProtocolTlv> tlvs, out ProxyProtocolTls? tls)
    {
        tls = null;
        tlvs = [];
        if (start == header.Length)
        {
            return null;
        }

        byte[] bytes = header[start..].ToArray();
        var found = new List<ProxyProtocolTlv>();
        bool hasChecksum = false;
        for (int next = 0; next < bytes.Length;)
        {
            if (TryRead(bytes, ref next) is not { } tlv)
            {
                return "a value is longer than what is left of it";
            }

            if (tlv.Type == ChecksumType)
            {
                if (hasChecksum || tlv.Value.Length != ChecksumLength || !IsChecksum(header, start + next - ChecksumLength))
                {
                    return "its checksum is not that of its bytes";
                }

                hasChecksum = true;
            }
            else if (tlv.Type == TlsType && tls is null && !TryParseTls(tlv.Value, out tls))
            {
                return "its value of TLS cannot be read";
            }

            found.Add(tlv);
        }

        tlvs = found;
        return null;
    }

    // Null where it is longer than what is left.
    private static ProxyProtocolTlv? TryRead(ReadOnlyMemory<byte> bytes, ref int next)
    {
        ReadOnlyMemory<byte> left = bytes[next..];
        if (left.Length < PrefixLength || left.Length - PrefixLength < BinaryPrimitives.ReadUInt16BigEndian(left.Span[1..]))
        {
            return null;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(left.Span[1..]);
        next += PrefixLength + length;
        return new ProxyProtocolTlv(left.Span[0], left.Slice(PrefixLength, length));
    }

    // CRC-32C of the whole header, in which the four bytes of the checksum itself count as zero.
    private static bool IsChecksum(ReadOnlySpan<byte> header, int position)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < header.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, i >= position && i < position + ChecksumLength ? (byte)0 : header[i]);
        }

        return BinaryPrimitives.ReadUInt32BigEndian(header[position..]) == ~crc;
    }

    private static bool TryParseTls(ReadOnlyMemory<byte> value, out ProxyProtocolTls? tls)
    {
        tls = null;
        if (value.Length < TlsFixedLength)
        {
            return false;
        }

        string? version = null, commonName = null, cipher = null;
        for (int next = TlsFixedLength; next < value.Length;)
        {
            if (TryRead(value, ref next) is not { } tlv)
            {
                return false;
            }

            switch (tlv.Type)
            {
                case TlsVersionType:
                    version ??= Encoding.UTF8.GetString(tlv.Value.Span);
                    break;
                case TlsCommonNameType:
                    commonName ??= Encoding.UTF8.GetString(tlv.Value.Span);
                    break;
                case TlsCipherType:
                    cipher ??= Encoding.UTF8.GetString(tlv.Value.Span);
                    break;
            }
        }

        byte client = value.Span[0];
        bool hasCertificate = (client & 0b110) != 0;
        tls = new ProxyProtocolTls
        {
            IsUsed = (client & 0b1) != 0,
            HasClientCertificate = hasCertificate,
            IsClientCertificateVerified = hasCertificate && BinaryPrimitives.ReadUInt32BigEndian(value.Span[1..]) == 0,
            Version = version,
            CommonName = commonName,
            CipherSuite = cipher,
        };
        return true;
    }
}
