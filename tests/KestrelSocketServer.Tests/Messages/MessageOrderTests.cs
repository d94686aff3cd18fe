using System.Text;
using CsCheck;
using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.Tests.Messages;

[Trait("Row", "M3")]
public sealed class MessageOrderTests
{
    private static readonly Gen<string[]> Lines = Gen.String[Gen.Char['a', 'z'], 0, 20].Array[0, 30];

    // What the handler does with a message: returns, pauses, awaits, awaits what is complete, or pauses and awaits.
    private static readonly Gen<int[]> Plans = Gen.Int[0, 4].Array[1, 10];

    private static readonly Gen<int[]> Splits = Gen.Int[0, int.MaxValue].Array[0, 12];

    [Fact]
    [Trait("Row", "M4")]
    [Trait("Row", "C18")]
    public async Task Any_messages_in_any_split_with_any_pauses_are_handled_once_each_in_order()
        => await Gen.Select(Lines, Plans, Splits).SampleAsync(
            async (lines, plans, splits) =>
            {
                var handled = new List<string>();
                int running = 0;
                await using InMemorySocketClient client = MemoryMessages.Connect(builder => builder.UseSocketHandler(
                    Framing.Lines(20).AsText(),
                    async (connection, line) =>
                    {
                        Assert.Equal(1, Interlocked.Increment(ref running));
                        int plan = plans[handled.Count % plans.Length];
                        handled.Add(line);
                        if (plan is 1 or 4)
                        {
                            connection.Pause();
                            _ = Task.Run(connection.Resume);
                        }

                        if (plan is 2 or 4)
                        {
                            await Task.Yield();
                        }

                        connection.Write(line);
                        Interlocked.Decrement(ref running);
                    }));

                foreach (byte[] piece in SegmentedBytes.Split(Encoding.ASCII.GetBytes(Join(lines)), splits))
                {
                    await client.SendAsync(piece).Soon();
                }

                client.End();
                Assert.Equal(Join(lines), Encoding.ASCII.GetString(await client.ReceiveToEndAsync().Soon()));
                Assert.Equal(lines, handled);
            },
            iter: 100,
            threads: 1);

    [Fact]
    [Trait("Row", "M4")]
    public async Task Any_messages_in_any_split_are_pulled_once_each_in_order()
        => await Gen.Select(Lines, Splits).SampleAsync(
            async (lines, splits) =>
            {
                var handled = new List<string>();
                await using InMemorySocketClient client = MemoryMessages.Connect(builder => builder.UseSocketHandler(async connection =>
                {
                    await foreach (string line in connection.ReadLinesAsync(20))
                    {
                        handled.Add(line);
                        if (handled.Count % 3 == 0)
                        {
                            await Task.Yield();
                        }
                    }
                }));

                foreach (byte[] piece in SegmentedBytes.Split(Encoding.ASCII.GetBytes(Join(lines)), splits))
                {
                    await client.SendAsync(piece).Soon();
                }

                client.End();
                await client.Completion.Soon();
                Assert.Equal(lines, handled);
            },
            iter: 100,
            threads: 1);

    private static string Join(string[] lines) => string.Concat(lines.Select(line => line + "\n"));
}
