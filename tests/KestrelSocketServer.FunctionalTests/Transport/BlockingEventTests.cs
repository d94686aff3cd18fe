namespace KestrelSocketServer.FunctionalTests.Transport;

[Trait("Row", "C25")]
public sealed class BlockingEventTests
{
    // More than a thread pool makes threads in the time that the test waits.
    private const int Blocked = 60;

    public static TheoryData<SocketTransportDriver, string> Styles
        => TestDrivers.With<string>([.. BlockingStyle.All.Select(style => style.Name)]);

    [Theory]
    [MemberData(nameof(Styles))]
    [Trait("Row", "C8")]
    public async Task Handlers_that_block_wherever_they_may_hold_nobody_up(SocketTransportDriver driver, string name)
    {
        BlockingStyle style = BlockingStyle.All.Single(style => style.Name == name);
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            connection => style.Handle(connection, gate), configure: server => server.Transport.Driver = driver, options: style.Options);
        using RawClient other = await RawClient.ConnectAsync(host.Server("echo"));
        using Clients blocked = await Clients.ConnectAsync(host.Server("test"), Blocked, receiveBuffer: 16_384);
        await blocked.ForEachAsync(style.Trigger);
        await gate.BlockedAsync(Blocked);

        await Clients.TalkAsync(other);
        await Clients.TalkAsync(host.Server("echo"));

        gate.Open();
        await blocked.ForEachAsync(style.GoesOn);
    }

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    public async Task Subscribers_of_the_connection_event_that_block_hold_nobody_up(SocketTransportDriver driver)
    {
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            connection => connection.Pipe(connection), configure: server => server.Transport.Driver = driver);
        host.Server("test").Connection += _ => gate.Block();
        using Clients blocked = await Clients.ConnectAsync(host.Server("test"), Blocked);
        await gate.BlockedAsync(Blocked);

        await Clients.TalkAsync(host.Server("echo"));

        gate.Open();
        await blocked.TalkAsync(rounds: 1);
    }

    [Theory]
    [MemberData(nameof(TestDrivers.All), MemberType = typeof(TestDrivers))]
    [Trait("Row", "H4")]
    public async Task Handlers_that_block_in_Stopping_hold_nobody_up(SocketTransportDriver driver)
    {
        using var gate = new Gate();
        await using TestHost host = await EventLoopHost.StartAsync(
            connection =>
            {
                connection.Stopping += () =>
                {
                    gate.Block();
                    connection.End("bye");
                };
                connection.Write("hi");
            },
            configure: server =>
            {
                server.Transport.Driver = driver;
                server.ShutdownTimeout = Timeout.InfiniteTimeSpan;
            });
        using RawClient other = await RawClient.ConnectAsync(host.Server("echo"));
        using Clients blocked = await Clients.ConnectAsync(host.Server("test"), Blocked);
        await Clients.TalkAsync(other);
        await blocked.ForEachAsync(async client => Assert.Equal("hi", await client.ReceiveTextAsync(2)));
        Task stop = host.StopAsync();
        await gate.BlockedAsync(Blocked);

        await Clients.TalkAsync(other);

        gate.Open();
        await blocked.ForEachAsync(async client => Assert.Equal("bye", await client.ReceiveTextToEndAsync()));
        await other.ShutdownSendAsync();
        Assert.Equal("", await other.ReceiveTextToEndAsync());
        await stop.Soon();
    }
}
