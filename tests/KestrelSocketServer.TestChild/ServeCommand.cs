namespace KestrelSocketServer.TestChild;

/// <summary>A worker whose endpoint greets with <c>child</c> and echoes; runs until a signal ends it.</summary>
internal static class ServeCommand
{
    public static async Task<int> RunAsync(string address, bool reusePort)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server => server.Listen("child", address, listen => listen
            .UseReusePort(reusePort)
            .UseSocketHandler(connection =>
            {
                connection.Write("child");
                connection.Pipe(connection);
            })));
        using IHost host = builder.Build();
        try
        {
            await host.StartAsync();
        }
        catch (IOException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }

        Console.WriteLine(host.Services.GetRequiredKeyedService<ISocketServer>("child").Address);
        await host.WaitForShutdownAsync();
        return 0;
    }
}
