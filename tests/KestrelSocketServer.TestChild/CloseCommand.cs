namespace KestrelSocketServer.TestChild;

/// <summary>Closes its server at the first data, and ends when the connection is gone, without stopping the host.</summary>
internal static class CloseCommand
{
    public static async Task<int> RunAsync()
    {
        var data = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server => server.Listen("echo", 0, listen => listen.UseSocketHandler(connection =>
        {
            connection.Data += _ => data.TrySetResult();
            connection.Closed += () => closed.TrySetResult();
            connection.Pipe(connection);
        })));
        IHost host = builder.Build();
        await host.StartAsync();
        ISocketServer server = host.Services.GetRequiredKeyedService<ISocketServer>("echo");
        Console.WriteLine(server.Address);
        await data.Task;
        await server.CloseAsync();
        Console.WriteLine("closed");
        await closed.Task;
        return server.Connections.Count;
    }
}
