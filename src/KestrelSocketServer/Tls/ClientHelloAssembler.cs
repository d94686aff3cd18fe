using System.Buffers;
using System.Buffers.Binary;

namespace KestrelSocketServer.Tls;

/// <summary>
/// Puts a ClientHello that comes in several TLS records together into one. The framework looks for the host name in the first record only,
/// and OpenSSL sees no difference: what is signed in a handshake are its messages, not the records around them.
/// </summary>
internal sealed class ClientHelloAssembler
{
    private const int RecordHead = 5;
    private const int MessageHead = 4;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;
    private const int MaxFragment = 16 * 1024;

    /// <summary>How much is looked at. More is in so many records that nobody means well by it.</summary>
    public const int MaxReceived = 2 * MaxFragment;

    // The record that is put together.
    private ArrayBufferWriter<byte>? _record;
    private int _examined;

    /// <summary>Looks at what was received.</summary>
    /// <param name="received">All of it, from the first byte of the connection on.</param>
    /// <param name="record">The ClientHello in one record, where it has to take the place of all that was received.</param>
    /// <returns>Whether enough was seen: with no <paramref name="record"/>, what was received is right as it is.</returns>
    public bool TryExamine(in ReadOnlySequence<byte> received, out ReadOnlyMemory<byte> record)
    {
        record = default;
        Span<byte> head = stackalloc byte[RecordHead + MessageHead];
        while (_examined < MaxReceived)
        {
            ReadOnlySequence<byte> rest = received.Slice(_examined);
            Span<byte> seen = head[..(int)Math.Min(rest.Length, head.Length)];
            rest.Slice(0, seen.Length).CopyTo(seen);
            if (!IsHandshake(seen))
            {
                return true;
            }

            if (seen.Length < RecordHead)
            {
                return false;
            }

            int length = BinaryPrimitives.ReadUInt16BigEndian(seen[3..]);
            if (length is 0 or > MaxFragment || (_record is null && IsWhole(seen[RecordHead..], length)))
            {
                return true;
            }

            if (rest.Length < RecordHead + length)
            {
                return false;
            }

            _examined += RecordHead + length;
            Append(seen[..RecordHead], rest.Slice(RecordHead, length));
            if (IsComplete(out bool isRefused))
            {
                record = Finish();
                return true;
            }

            if (isRefused)
            {
                return true;
            }
        }

        return true;
    }

    /// <summary>How much of what was received the record takes the place of.</summary>
    public int Examined => _examined;

    private static bool IsHandshake(ReadOnlySpan<byte> head) => head is [] or [HandshakeRecord] or [HandshakeRecord, 3, ..];

    // Whether the first record tells already that there is nothing to put together.
    private static bool IsWhole(ReadOnlySpan<byte> message, int length)
        => message is not [] && (message[0] != ClientHelloMessage || (message.Length >= MessageHead && LengthOf(message) <= length));

    private static int LengthOf(ReadOnlySpan<byte> message) => MessageHead + (message[1] << 16 | message[2] << 8 | message[3]);

    private void Append(ReadOnlySpan<byte> head, in ReadOnlySequence<byte> fragment)
    {
        if (_record is null)
        {
            _record = new ArrayBufferWriter<byte>();
            _record.Write(head);
        }

        foreach (ReadOnlyMemory<byte> part in fragment)
        {
            _record.Write(part.Span);
        }
    }

    // What does not fit into one record, and a message with another one behind it, stay as they are.
    private bool IsComplete(out bool isRefused)
    {
        ReadOnlySpan<byte> message = _record!.WrittenSpan[RecordHead..];
        int length = message.Length < MessageHead ? MaxFragment : LengthOf(message);
        isRefused = length > MaxFragment || message.Length > length;
        return message.Length == length && message.Length >= MessageHead;
    }

    private ReadOnlyMemory<byte> Finish()
    {
        byte[] record = _record!.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)(record.Length - RecordHead));
        return record;
    }
}
