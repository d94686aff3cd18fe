using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Connections;

/// <summary>What is dropped over a transport that is none of the library's, which lingers only as long as the connection does.</summary>
[Trait("Row", "C32")]
public sealed class DiscardedBytesTests
{
    [Fact]
    public async Task What_the_peer_sends_after_the_end_is_counted()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync(
            (connection, _) => connection.Data += _ => connection.End(), timeProvider: new FakeTimeProvider());
        await pair.Client.SendAsync("first").Soon();
        Assert.Empty(await pair.Client.ReceiveToEndAsync().Soon());
        await pair.Events.Closed;

        await pair.Client.SendAsync("later").Soon();
        pair.Client.End();
        await pair.Client.Completion.Soon();

        Assert.Equal("first", pair.Events.Text);
        Assert.Equal(5, pair.Connection.DiscardedBytes);
    }

    [Fact]
    public async Task Nothing_is_counted_where_all_was_delivered()
    {
        await using MemoryPair pair = await MemoryPair.ConnectAsync();

        await pair.Client.SendAsync("all").Soon();
        pair.Client.End();
        await pair.Client.Completion.Soon();

        Assert.Equal("all", pair.Events.Text);
        Assert.Equal(0, pair.Connection.DiscardedBytes);
    }
}
