using System.Net.Sockets;
using System.Security.Cryptography;
using KestrelSocketServer.FunctionalTests.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>What a peer that does not stop sending sees of the end. Time stands still, so that it may send for as long as it likes.</summary>
public abstract class LingerTests(TestTransport transport)
{
    /// <summary>With what the buffers on the way take at once, and with much more than that.</summary>
    public static TheoryData<SocketTransportDriver, int> DriversAndSizes => TestDrivers.With(10_000, 8_000_000);

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [MemberData(nameof(DriversAndSizes))]
    [Trait("Row", "C15")]
    public async Task An_answer_arrives_whole_while_the_peer_keeps_sending_without_reading(SocketTransportDriver driver, int size)
    {
        byte[] answer = RandomNumberGenerator.GetBytes(size);
        await using ConnectedPair pair = await ConnectAsync(
            driver,
            connection => connection.Data += _ =>
            {
                connection.Write(answer);
                connection.End("end");
            });

        // Several megabytes, before it reads the first byte of the answer.
        byte[] part = new byte[100_000];
        for (int round = 0; round < 80; round++)
        {
            await pair.Client.SendAsync(part);
        }

        byte[] received = await pair.Client.ReceiveToEndAsync();
        Assert.Equal(size + 3, received.Length);
        Assert.True(received.AsSpan(0, size).SequenceEqual(answer));
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalEnd, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C15")]
    public async Task An_answer_arrives_whole_while_the_peer_sends_and_reads_at_the_same_time(SocketTransportDriver driver)
    {
        byte[] answer = RandomNumberGenerator.GetBytes(8_000_000);
        await using ConnectedPair pair = await ConnectAsync(driver, connection => connection.Data += _ => connection.End(answer));
        using var received = new CancellationTokenSource();

        Task sending = SendUntilAsync(pair.Client, received.Token);
        byte[] all = await pair.Client.ReceiveToEndAsync();
        await received.CancelAsync();

        await sending.Soon();
        Assert.True(all.AsSpan().SequenceEqual(answer));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C16")]
    public async Task A_close_is_an_orderly_end_for_a_peer_that_is_sending_what_nobody_reads(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await ConnectAsync(driver, connection => connection.Pause());
        using var ended = new CancellationTokenSource();
        await pair.Client.SendAsync(new byte[100_000]);
        Task sending = SendUntilAsync(pair.Client, ended.Token);

        pair.Connection.Close();

        Assert.Empty(await pair.Client.ReceiveToEndAsync());
        await ended.CancelAsync();
        await sending.Soon();
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalClose, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C16")]
    [Trait("Row", "C17")]
    public async Task Ends_and_closes_amid_writes_of_many_threads_are_an_orderly_end_for_a_peer_that_is_sending(SocketTransportDriver driver)
    {
        const int Threads = 16;
        byte[] part = new byte[200_000];
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(_ => { }, transport, setup: Frozen(driver));
        for (int round = 0; round < 40; round++)
        {
            using RawClient client = await server.ConnectAsync();
            ISocketConnection connection = await server.AcceptedAsync();
            using var ended = new CancellationTokenSource();
            Task sending = SendUntilAsync(client, ended.Token);
            using var start = new Barrier(Threads);
            Task[] calling = [.. Enumerable.Range(0, Threads).Select(number => Task.Factory.StartNew(
                () => Call(connection, number, start), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];

            Exception? receiving = await Record.ExceptionAsync(client.ReceiveToEndAsync);
            await Task.WhenAll(calling).Soon();
            await ended.CancelAsync();

            // Over TLS an end in the middle of a record is an exception too, but no reset.
            Assert.IsNotType<SocketException>(receiving?.GetBaseException());
            await sending.Soon();
        }

        void Call(ISocketConnection connection, int number, Barrier start)
        {
            start.SignalAndWait(Timeouts.Generous);
            switch (number % 4)
            {
                case 0:
                    connection.End(part);
                    break;
                case 1:
                    connection.Close();
                    break;
                default:
                    connection.Write(part);
                    break;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C16")]
    [Trait("Row", "C25")]
    public async Task A_fault_is_a_reset(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await ConnectAsync(driver, connection => connection.Data += _ => throw new InvalidTimeZoneException());

        await pair.Client.SendAsync("x");

        await AssertResetAsync(pair.Client);
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "C16")]
    public async Task An_abort_of_Kestrels_own_is_a_reset(SocketTransportDriver driver)
    {
        await using ConnectedPair pair = await ConnectAsync(driver, _ => { });

        pair.Connection.Features.Get<IConnectionLifetimeFeature>()!.Abort();

        await AssertResetAsync(pair.Client);
        await pair.Events.Closed;
    }

    private Task<ConnectedPair> ConnectAsync(SocketTransportDriver driver, Action<ISocketConnection> handle) => ConnectedPair.StartAsync(
        transport, (connection, _) => handle(connection), setup: Frozen(driver));

    private static HostSetup Frozen(SocketTransportDriver driver) => new()
    {
        Server = server => server.Transport.Driver = driver,
        Services = services => services.AddSingleton<TimeProvider>(new FakeTimeProvider()),
    };

    private static async Task SendUntilAsync(RawClient client, CancellationToken enough)
    {
        byte[] part = new byte[100_000];
        while (!enough.IsCancellationRequested)
        {
            await client.Stream.WriteAsync(part, CancellationToken.None);
        }
    }

    private static async Task AssertResetAsync(RawClient client)
    {
        IOException exception = await Assert.ThrowsAsync<IOException>(client.ReceiveToEndAsync);
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(exception.InnerException).SocketErrorCode);
    }
}

public sealed class PlainLingerTests() : LingerTests(TestTransport.Plain);

public sealed class TlsLingerTests() : LingerTests(TestTransport.Tls);
