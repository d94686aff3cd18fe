namespace KestrelSocketServer.FunctionalTests.Connections.Members;

public sealed class EndAsyncTests
{
    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C39")]
    public async Task It_completes_when_all_that_was_written_is_sent(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384);
        pair.Connection.Write(new byte[20_000_000]);

        Task ending = pair.Connection.EndAsync();

        Assert.False(ending.IsCompleted);
        Assert.Equal(20_000_000, (await pair.Client.ReceiveToEndAsync()).Length);
        await ending.Soon();
        await pair.Connection.EndAsync().Soon();
        await pair.Events.Closed;
        Assert.Equal(["close"], pair.Events.Events);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C39")]
    public async Task It_says_why_not_all_was_sent(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384);
        pair.Connection.Write(new byte[20_000_000]);
        Task ending = pair.Connection.EndAsync();

        pair.Connection.Close();

        IOException error = await Assert.ThrowsAsync<IOException>(() => ending.Soon());
        Assert.Contains(nameof(SocketCloseReason.LocalClose), error.Message, StringComparison.Ordinal);
        Assert.Contains(pair.Connection.Id, error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(() => pair.Connection.EndAsync().Soon());
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C39")]
    public async Task A_peer_that_leaves_is_the_reason(string place)
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, receiveBuffer: 16_384);
        pair.Connection.Write(new byte[20_000_000]);
        Task ending = pair.Connection.EndAsync();

        pair.Client.Reset();

        IOException error = await Assert.ThrowsAsync<IOException>(() => ending.Soon());
        Assert.Contains(nameof(SocketCloseReason.PeerReset), error.Message, StringComparison.Ordinal);
        Assert.Same(await pair.Events.Error, error.InnerException);
    }

    [Fact]
    [Trait("Row", "C39")]
    public async Task Cancelling_ends_the_wait_and_not_the_end()
    {
        await using PlacedConnection pair = await PlacedConnection.StartAsync("plain", receiveBuffer: 16_384);
        pair.Connection.Write(new byte[20_000_000]);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.Connection.EndAsync(new CancellationToken(canceled: true)));

        Assert.Equal(20_000_000, (await pair.Client.ReceiveToEndAsync()).Length);
    }

    [Theory]
    [MemberData(nameof(PlacedConnection.Everywhere), MemberType = typeof(PlacedConnection))]
    [Trait("Row", "C39")]
    public async Task A_handler_that_reads_can_await_it(string place)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using PlacedConnection pair = await PlacedConnection.StartAsync(place, async connection =>
        {
            await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
            {
                connection.Write(chunk);
                await connection.EndAsync();
                ended.SetResult();
            }
        });

        await pair.Client.SendAsync("x");

        await ended.Task.Soon();
        Assert.Equal("x", await pair.Client.ReceiveTextToEndAsync());
        await pair.Events.Closed;
    }
}
