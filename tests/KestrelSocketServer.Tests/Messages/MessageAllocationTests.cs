using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.Tests.Messages;

/// <summary>Over two pipes that run their readers inline, all of a connection runs on the thread of the test, which can count.</summary>
[Trait("Row", "M9")]
public sealed class MessageAllocationTests
{
    private const int Rounds = 2000;

    private static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false);

    public static TheoryData<string> Frames => ["lines", "a delimiter", "4 bytes", "the header of PostgreSQL", "varint", "fixed size"];

    [Theory]
    [MemberData(nameof(Frames))]
    public Task A_message_by_event_and_its_answer_allocate_nothing(string name)
    {
        TestFrame frame = TestFrame.All[name];
        return AssertNothingIsAllocatedAsync(
            frame, builder => builder.UseSocketHandler(frame.Protocol, static (connection, message) => connection.Write(message)));
    }

    [Fact]
    public Task Nor_does_an_asynchronous_handler_that_need_not_wait()
    {
        TestFrame frame = TestFrame.All["lines"];
        return AssertNothingIsAllocatedAsync(frame, builder => builder.UseSocketHandler(
            frame.Protocol,
            static (connection, message, connectionClosed) =>
            {
                connection.Write(message);
                return connectionClosed.IsCancellationRequested ? Task.FromCanceled(connectionClosed) : Task.CompletedTask;
            }));
    }

    [Fact]
    public Task Nor_does_a_struct_of_a_protocol_of_ones_own()
    {
        TestFrame frame = TestFrame.All["4 bytes"];
        return AssertNothingIsAllocatedAsync(frame, builder => builder.UseSocketHandler(
            frame.Protocol.As(
                static payload => new Measurement(payload.FirstSpan[0], payload.Length),
                static (measurement, output) =>
                {
                    output.GetSpan(7)[..7].Fill(measurement.First);
                    output.Advance(7);
                }),
            static (connection, measurement) => connection.Write(measurement)));
    }

    private static async Task AssertNothingIsAllocatedAsync(TestFrame frame, Action<IConnectionBuilder> build)
    {
        var toServer = new Pipe(Inline);
        var toClient = new Pipe(Inline);
        var builder = new ConnectionBuilder(new ServiceCollection().BuildServiceProvider());
        build(builder);
        Task running = builder.Build()(new DefaultConnectionContext(
            "test", new DuplexPipe(toServer.Reader, toClient.Writer), new DuplexPipe(toClient.Reader, toServer.Writer)));
        byte[] request = frame.Write(Enumerable.Repeat("1234567"u8.ToArray(), 3));

        Echo(toServer.Writer, toClient.Reader, request);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Echo(toServer.Writer, toClient.Reader, request);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        await toServer.Writer.CompleteAsync();
        await running.Soon();

        // Not one byte for each message; the runtime may allocate when it compiles a method anew.
        Assert.InRange(allocated, 0, Rounds);
    }

    private static void Echo(PipeWriter writer, PipeReader reader, byte[] request)
    {
        for (int round = 0; round < Rounds; round++)
        {
            writer.Write(request);
#pragma warning disable CA2012 // Complete at once: the readers run inline.
            writer.FlushAsync().GetAwaiter().GetResult();
#pragma warning restore CA2012
            Assert.True(reader.TryRead(out ReadResult result));
            if (result.Buffer.Length != request.Length)
            {
                Assert.Equal(request.Length, result.Buffer.Length);
            }

            reader.AdvanceTo(result.Buffer.End);
        }
    }

    private readonly record struct Measurement(byte First, long Length);

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
