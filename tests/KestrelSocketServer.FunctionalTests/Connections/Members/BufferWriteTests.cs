using System.Buffers;
using System.Globalization;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class BufferWriteTests
{
    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C37")]
    [Trait("Row", "C9")]
    public async Task Writes_from_many_threads_are_whole_and_in_order_also_while_the_peer_does_not_read(string place)
    {
        const int Writers = 4, Count = 5000;
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384);

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            for (int i = 0; i < Count; i++)
            {
                if (i % 2 == 0)
                {
                    pair.Connection.Write((writer, i), static (output, line) => WriteLine(output, line.writer, line.i));
                }
                else
                {
                    pair.Connection.Write($"{writer} {i} {Padding}\n");
                }
            }
        }))).Soon();
        pair.Connection.End();

        string[] lines = (await pair.Client.ReceiveTextToEndAsync()).Split('\n')[..^1];
        Assert.Equal(Writers * Count, lines.Length);
        int[] next = new int[Writers];
        foreach (string line in lines)
        {
            string[] parts = line.Split(' ');
            int writer = int.Parse(parts[0], CultureInfo.InvariantCulture);
            Assert.Equal($"{writer} {next[writer]++} {Padding}", line);
        }
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C37")]
    [Trait("Row", "C12")]
    public async Task The_limits_hold_for_it(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384, options: options =>
        {
            options.WriteBufferSoftLimit = 1000;
            options.WriteBufferHardLimit = 40_000_000;
        });
        int writes = 0;

        bool below = true;
        while (pair.Connection.IsWritable && writes < 100)
        {
            below = pair.Connection.Write(1_000_000, static (output, count) => Fill(output, count));
            writes++;
        }

        Assert.False(below);
        Assert.InRange(writes, 40, 99);
        Assert.IsType<IOException>(await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.WriteLimit, pair.Connection.CloseReason);
        Assert.False(pair.Connection.Write(1, static (_, _) => Assert.Fail("It takes no more.")));
    }

    [Fact]
    [Trait("Row", "C37")]
    public async Task Whoever_throws_before_writing_harms_nothing_and_in_the_middle_the_connection()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", data: true);

        Assert.Throws<InvalidTimeZoneException>(() => pair.Connection.Write(0, static (_, _) => throw new InvalidTimeZoneException()));
        pair.Connection.Write("whole");
        Assert.Equal("whole", await pair.Client.ReceiveTextAsync(5));
        var fault = new InvalidTimeZoneException();
        Assert.Same(fault, Record.Exception(() => pair.Connection.Write(fault, static (output, fault) =>
        {
            Fill(output, 5);
            throw fault;
        })));

        Assert.Same(fault, await pair.Events.Error);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.HandlerFault, pair.Connection.CloseReason);
    }

    [Fact]
    [Trait("Row", "C37")]
    public async Task Writing_to_the_connection_meanwhile_and_keeping_the_writer_throw()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", data: true);
        IBufferWriter<byte>? kept = null;

        Assert.Throws<InvalidOperationException>(() => pair.Connection.Write(pair.Connection, static (_, connection) => connection.Write("x")));
        pair.Connection.Write(0, (output, _) => kept = output);

        Assert.Throws<InvalidOperationException>(() => kept!.GetSpan());
        Assert.Throws<InvalidOperationException>(() => kept!.GetMemory());
        Assert.Throws<InvalidOperationException>(() => kept!.Advance(0));
        pair.Connection.End("end");
        Assert.Equal("end", await pair.Client.ReceiveTextToEndAsync());
    }

    [Fact]
    [Trait("Row", "C37")]
    public async Task It_allocates_nothing()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", data: true);
        Action<IBufferWriter<byte>, int> fill = Fill;
        pair.Connection.Write(1, fill);
        await pair.Client.ReceiveExactlyAsync(1);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            pair.Connection.Write(1, fill);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static string Padding { get; } = new('x', 100);

    private static void Fill(IBufferWriter<byte> output, int count)
    {
        output.GetSpan(count)[..count].Fill((byte)'x');
        output.Advance(count);
    }

    // In parts, whose borders mean nothing.
    private static void WriteLine(IBufferWriter<byte> output, int writer, int number)
    {
        output.Write(Encoding.UTF8.GetBytes($"{writer} "));
        Memory<byte> memory = output.GetMemory(20);
        number.TryFormat(memory.Span, out int length, provider: CultureInfo.InvariantCulture);
        output.Advance(length);
        output.Write(Encoding.UTF8.GetBytes($" {Padding}\n"));
    }
}
