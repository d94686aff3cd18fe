using System.Buffers.Binary;

namespace KestrelSocketServer.Tests.Messages;

/// <summary>Every frame once more, from all of the bytes at once, as plainly as it can be written.</summary>
/// <param name="Messages">The messages before the end or the first fault.</param>
/// <param name="Rule">The rule that is broken then, or null.</param>
internal sealed record StraightforwardParser(IReadOnlyList<byte[]> Messages, string? Rule)
{
    public static StraightforwardParser Lines(byte[] bytes, int maxLength) => Parse(bytes, rest =>
    {
        int end = Array.IndexOf(rest, (byte)'\n');
        byte[] line = end < 0 ? rest : rest[..end];
        byte[] content = line is [.., (byte)'\r'] ? line[..^1] : line;
        return content.Length > maxLength ? Fault(MessageRules.MaxLength) : end < 0 ? null : (content, end + 1, null);
    });

    public static StraightforwardParser Delimited(byte[] bytes, byte[] delimiter, int maxLength) => Parse(bytes, rest =>
    {
        int end = rest.AsSpan().IndexOf(delimiter);
        int known = end < 0 ? rest.Length - delimiter.Length + 1 : end;
        return known > maxLength ? Fault(MessageRules.MaxLength) : end < 0 ? null : (rest[..end], end + delimiter.Length, null);
    });

    public static StraightforwardParser LengthPrefixed(byte[] bytes, int size, int maxLength, bool bigEndian, bool includesPrefix)
        => Parse(bytes, rest => ReadLength(rest, 0, size, bigEndian) switch
        {
            null => null,
            { } length when length - (includesPrefix ? size : 0) > maxLength => Fault(MessageRules.MaxLength),
            { } length when includesPrefix && length < size => Fault(MessageRules.LengthPrefix),
            { } length when rest.Length < size + length - (includesPrefix ? size : 0) => null,
            { } length => (rest[size..(int)(size + length - (includesPrefix ? size : 0))], (int)(size + length) - (includesPrefix ? size : 0), null),
        });

    public static StraightforwardParser LengthInHeader(byte[] bytes, int header, int offset, int size, int maxLength, int adjustment)
        => Parse(bytes, rest => rest.Length < header ? null : (ReadLength(rest, offset, size, bigEndian: true) + adjustment) switch
        {
            { } length when header + length > maxLength => Fault(MessageRules.MaxLength),
            { } length when length < 0 => Fault(MessageRules.LengthPrefix),
            { } length when rest.Length < header + length => null,
            { } length => (rest[..(int)(header + length)], (int)(header + length), null),
            null => null,
        });

    public static StraightforwardParser Varint(byte[] bytes, int maxLength) => Parse(bytes, rest =>
    {
        long length = 0;
        for (int index = 0; index < 5; index++)
        {
            if (index == rest.Length)
            {
                return null;
            }

            length += (rest[index] & 127L) * (1L << (7 * index));
            if (rest[index] < 128)
            {
                return length > maxLength ? Fault(MessageRules.MaxLength)
                    : rest.Length < index + 1 + length ? null
                    : (rest[(index + 1)..(int)(index + 1 + length)], (int)(index + 1 + length), null);
            }
        }

        return Fault(MessageRules.LengthPrefix);
    });

    public static StraightforwardParser Fixed(byte[] bytes, int length)
        => Parse(bytes, rest => rest.Length < length ? null : (rest[..length], length, null));

    private static StraightforwardParser Parse(byte[] bytes, Func<byte[], (byte[] Message, int Size, string? Rule)?> next)
    {
        var messages = new List<byte[]>();
        while (bytes.Length > 0 && next(bytes) is { } found)
        {
            if (found.Rule is not null)
            {
                return new StraightforwardParser(messages, found.Rule);
            }

            messages.Add(found.Message);
            bytes = bytes[found.Size..];
        }

        return new StraightforwardParser(messages, null);
    }

    private static (byte[], int, string?)? Fault(string rule) => ([], 0, rule);

    // Longer than any length that is allowed, where it is more than a long can hold.
    private static long? ReadLength(byte[] bytes, int offset, int size, bool bigEndian)
    {
        if (bytes.Length < offset + size)
        {
            return null;
        }

        byte[] eight = new byte[8];
        byte[] field = bytes[offset..(offset + size)];
        field.CopyTo(eight, bigEndian ? 8 - size : 0);
        ulong value = bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(eight) : BinaryPrimitives.ReadUInt64LittleEndian(eight);
        return (long)Math.Min(value, long.MaxValue / 2);
    }
}
