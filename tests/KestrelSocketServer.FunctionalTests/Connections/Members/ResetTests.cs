using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class ResetTests
{
    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C40")]
    public async Task The_peer_sees_a_reset_and_nobody_is_warned(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, data: true);
        pair.Connection.Write(new byte[1000]);
        await pair.Client.ReceiveExactlyAsync(1000);

        pair.Connection.Reset();
        pair.Connection.Reset();
        pair.Connection.Close();

        await AssertResetAsync(pair.Client);
        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
        Assert.Equal(SocketCloseReason.LocalClose, pair.Connection.CloseReason);
        Assert.False(pair.Connection.IsReadable);
        Assert.False(pair.Connection.IsWritable);
        await pair.Host.StopAsync();
        Assert.DoesNotContain(pair.Host.Logs.GetSnapshot(), entry => entry.Level >= LogLevel.Warning && entry.Message.Contains(pair.Connection.Id, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C40")]
    public async Task It_cuts_off_what_an_end_is_sending(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384);
        pair.Connection.End(new byte[20_000_000]);

        pair.Connection.Reset();

        await AssertResetAsync(pair.Client);
        await pair.Events.Closed;
        Assert.Equal(SocketCloseReason.LocalClose, pair.Connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.OwnTransport), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C40")]
    public async Task A_handler_that_reads_is_told_of_the_end(string place)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, async connection =>
        {
            await foreach (ReadOnlyMemory<byte> _ in connection.ReadAllAsync())
            {
                connection.Reset();
            }

            done.SetResult();
        });

        await pair.Client.SendAsync("x");

        await AssertResetAsync(pair.Client);
        await done.Task.Soon();
        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
    }

    private static async Task AssertResetAsync(RawClient client)
    {
        IOException error = await Assert.ThrowsAsync<IOException>(client.ReceiveToEndAsync);
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
    }
}
