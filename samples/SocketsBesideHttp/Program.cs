using KestrelSocketServer;
using SocketsBesideHttp;

// A web application with raw TCP and TLS endpoints beside its HTTP ones: dotnet run --project samples/SocketsBesideHttp
// Other addresses: dotnet run --project samples/SocketsBesideHttp -- --urls http://127.0.0.1:5001 --echo 127.0.0.1:9007 --chat [::1]:9008 --secure 127.0.0.1:9009
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

builder.WebHost.UseSocketServer(server =>
{
    server.Listen("echo", builder.Configuration["echo"] ?? "127.0.0.1:8007", listen => listen
        .UseSocketHandler(connection => connection.Pipe(connection)));
    server.Listen("chat", builder.Configuration["chat"] ?? "127.0.0.1:8008", listen => listen
        .UseSocketHandler<ChatHandler>(ChatHandler.Limit));
    server.Listen(DevelopmentCertificate.Endpoint, builder.Configuration[DevelopmentCertificate.Endpoint] ?? "127.0.0.1:8009", listen => listen
        .UseHttps(certificatePath: DevelopmentCertificate.Ensure())
        .UseSocketHandler(connection => connection.Pipe(connection)));
});

WebApplication app = builder.Build();
app.MapGet("/", (ISocketServers servers) => Results.Content(StatusPage.Render(servers.Select(EndpointStatus.Of)), "text/html; charset=utf-8"));
app.MapGet("/endpoints", (ISocketServers servers) => servers.Select(EndpointStatus.Of));

try
{
    await app.StartAsync();
}
catch (Exception exception) when (exception is ArgumentException or IOException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

Console.WriteLine($"Page  {string.Join(' ', app.Urls)}");
foreach (EndpointStatus endpoint in app.Services.GetRequiredService<ISocketServers>().Select(EndpointStatus.Of))
{
    Console.WriteLine($"{endpoint.Name}  {endpoint.TryIt}");
}

await app.WaitForShutdownAsync();
return 0;
