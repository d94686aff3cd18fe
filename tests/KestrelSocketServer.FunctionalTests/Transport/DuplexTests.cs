using System.IO.Pipelines;
using System.Security.Cryptography;

namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "P1")]
[Trait("Row", "P2")]
public abstract class DuplexTests(SocketTransportDriver? driver) : PipeContractTests(driver)
{
    [Fact]
    public async Task Both_directions_run_at_the_same_time_on_different_threads()
    {
        byte[] up = RandomNumberGenerator.GetBytes(16 * 1024 * 1024);
        byte[] down = RandomNumberGenerator.GetBytes(16 * 1024 * 1024);

        Task sending = Task.Run(() => SendAsync(Pair, up));
        Task<byte[]> receiving = Task.Run(Pair.ReceiveToEndAsync);
        Task<byte[]> reading = Task.Run(() => Input.TakeToEndAsync());
        await Task.Run(() => WriteAsync(Output, down)).Soon();

        await sending;
        BytesAssert.Same(up, await reading);
        await Output.CompleteAsync().Soon();
        BytesAssert.Same(down, await receiving);
    }

    [Fact]
    public async Task Echoes_of_several_connections_at_once()
    {
        List<DuplexPair> pairs = [Pair];
        while (pairs.Count < 8)
        {
            pairs.Add(await ConnectAsync());
        }

        await Task.WhenAll(pairs.Select(EchoAsync)).Soon();
    }

    [Fact]
    public async Task Thousands_of_questions_and_answers()
    {
        Task echoing = EchoTransportAsync(Pair);
        byte[] data = RandomNumberGenerator.GetBytes(100);
        for (int round = 0; round < 5000; round++)
        {
            data[0] = (byte)round;
            await Pair.SendAsync(data);
            Assert.Equal(data, await Pair.ReceiveAsync(data.Length));
        }

        Pair.FinishSending();
        Assert.Empty(await Pair.ReceiveToEndAsync());
        await echoing.Soon();
    }

    private static async Task EchoAsync(DuplexPair pair)
    {
        byte[] data = RandomNumberGenerator.GetBytes(1024 * 1024);
        Task echoing = Task.Run(() => EchoTransportAsync(pair));
        Task<byte[]> receiving = Task.Run(pair.ReceiveToEndAsync);
        await SendAsync(pair, data);
        BytesAssert.Same(data, await receiving);
        await echoing;
    }

    private static async Task EchoTransportAsync(DuplexPair pair)
    {
        ReadResult result;
        do
        {
            result = await pair.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                await pair.Output.WriteAsync(segment);
            }

            pair.Input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);

        await pair.Output.CompleteAsync();
        await pair.Input.CompleteAsync();
    }

    private static async Task SendAsync(DuplexPair pair, byte[] data)
    {
        for (int sent = 0; sent < data.Length; sent += 4096)
        {
            await pair.SendAsync(data.AsMemory(sent, 4096));
        }

        pair.FinishSending();
    }

    private static async Task WriteAsync(PipeWriter output, byte[] data)
    {
        for (int written = 0; written < data.Length; written += 4096)
        {
            FlushResult result = await output.WriteAsync(data.AsMemory(written, 4096));
            Assert.False(result.IsCompleted);
            Assert.False(result.IsCanceled);
        }
    }
}

public sealed class EventLoopDuplexTests() : DuplexTests(SocketTransportDriver.EventLoop);

public sealed class SocketDuplexTests() : DuplexTests(SocketTransportDriver.Socket);

public sealed class MemoryDuplexTests() : DuplexTests(null);
