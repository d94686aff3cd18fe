namespace KestrelSocketServer.TestChild;

/// <summary>A web application with an echo endpoint; its urls come from the environment. Runs until a signal ends it.</summary>
internal static class WebCommand
{
    public static async Task<int> RunAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSocketServer(server => server.Listen("echo", 0, listen => listen.UseSocketHandler(connection => connection.Pipe(connection))));
        await using WebApplication app = builder.Build();
        app.MapGet("/", () => "http");
        await app.StartAsync();
        Console.WriteLine(string.Join(' ', app.Urls));
        Console.WriteLine(app.Services.GetRequiredKeyedService<ISocketServer>("echo").Address);
        await app.WaitForShutdownAsync();
        return 0;
    }
}
