namespace KestrelSocketServer.FunctionalTests.Connections;

public sealed class SmokeTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C1")]
    public async Task Echoes(bool tls)
    {
        EventRecorder? recorder = null;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(
            connection =>
            {
                recorder = new EventRecorder(connection);
                connection.Pipe(connection);
            },
            tls ? TestTransport.Tls : TestTransport.Plain);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync("hello");
        Assert.Equal("hello", await client.ReceiveTextAsync(5));
        await client.ShutdownSendAsync();
        Assert.Equal("", await client.ReceiveTextToEndAsync());
        await recorder!.Closed;
        Assert.Equal(["data", "end", "close"], recorder.Events);
    }
}
