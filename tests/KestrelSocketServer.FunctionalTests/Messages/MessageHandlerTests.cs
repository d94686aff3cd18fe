using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Messages;

public sealed class MessageHandlerTests
{
    [Theory]
    [MemberData(nameof(MessagePlace.Everywhere), MemberType = typeof(MessagePlace))]
    [Trait("Row", "M1")]
    [Trait("Row", "M2")]
    [Trait("Row", "M5")]
    public async Task Lines_come_one_by_one_and_go_as_lines(string place)
    {
        await using MessagePlace server = await MessagePlace.StartAsync(
            place, listen => listen.UseSocketHandler(Framing.Lines(maxLength: 100), (connection, line) => connection.Write(line)));

        await server.Client.SendAsync("one\ntwo\r\n\nthr");
        Assert.Equal("one\ntwo\n\n", await server.Client.ReceiveTextAsync(9));
        await server.Client.SendAsync("ee\n");
        Assert.Equal("three\n", await server.Client.ReceiveTextAsync(6));
        await server.Client.ShutdownSendAsync();

        Assert.Equal("", await server.Client.ReceiveTextToEndAsync());
    }
}
