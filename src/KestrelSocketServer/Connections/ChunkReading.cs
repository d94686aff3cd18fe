using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace KestrelSocketServer.Connections;

/// <summary>Reads a connection chunk by chunk, for <see cref="ISocketConnection.ReadAllAsync"/>.</summary>
internal static class ChunkReading
{
    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        SocketConnection connection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reading = new PullReading(connection);
        PipeReader input = connection.Input;
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (reading.IsEnd(exception))
            {
                yield break;
            }

            if (!reading.IsData(result))
            {
                if (reading.SkipToEnd(result))
                {
                    yield break;
                }

                continue;
            }

            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition consumed = buffer.Start;
            SequencePosition next = consumed;
            try
            {
                while (!reading.IsOver && buffer.TryGet(ref next, out ReadOnlyMemory<byte> chunk))
                {
                    consumed = next.GetObject() is null ? buffer.End : next;
                    if (!chunk.IsEmpty)
                    {
                        yield return chunk;
                    }
                }
            }
            finally
            {
                // Also when the loop is left early: the chunk that was given out has been consumed.
                input.AdvanceTo(consumed);
            }
        }
    }
}
