using KestrelSocketServer;
using Microsoft.Extensions.Options;
using SocketsBesideHttp;

// A web application with raw TCP and TLS endpoints beside its HTTP ones: dotnet run --project samples/SocketsBesideHttp
// The addresses are in the appsettings.json beside the program, from whichever folder it is started: edit it while this runs, and the
// page shows the change. With --contentRoot samples/SocketsBesideHttp it is the one there.
// Or: dotnet run --project samples/SocketsBesideHttp -- --urls http://127.0.0.1:5001 --SocketServer:Endpoints:echo:Url=127.0.0.1:9007
WebApplicationBuilder builder = WebApplication.CreateBuilder(["--contentRoot", AppContext.BaseDirectory, .. args]);
builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

builder.WebHost.UseSocketServer(server =>
{
    server.Endpoint("echo").Optional().UseSocketHandler(connection => connection.Pipe(connection));
    server.Endpoint("chat").Optional().UseSocketHandler<ChatHandler>();
    server.Endpoint(DevelopmentCertificate.Endpoint).Optional()
        .Configure(listen => listen.UseHttps(certificatePath: DevelopmentCertificate.Ensure()))
        .UseSocketHandler(connection => connection.Pipe(connection));
});

await using WebApplication app = builder.Build();
app.MapGet("/", (ISocketServers servers) => Results.Content(StatusPage.Render(servers.Select(EndpointStatus.Of)), "text/html; charset=utf-8"));
app.MapGet("/endpoints", (ISocketServers servers) => servers.Select(EndpointStatus.Of));

try
{
    await app.StartAsync();
}
catch (Exception exception) when (exception is OptionsValidationException or IOException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
{
    // Told to stop while it was starting, which Kestrel takes for a failure.
    return 0;
}

Console.WriteLine($"Page  {string.Join(' ', app.Urls)}");
foreach (EndpointStatus endpoint in app.Services.GetRequiredService<ISocketServers>().Select(EndpointStatus.Of))
{
    Console.WriteLine($"{endpoint.Name}  {endpoint.TryIt}");
}

await app.WaitForShutdownAsync();
return 0;
