using KestrelSocketServer;

// Sends back whatever it receives: dotnet run --project samples/Echo [address]
HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
builder.Services.AddSocketServer(server => server.Listen("echo", args.ElementAtOrDefault(0) ?? "127.0.0.1:0", listen => listen
    .UseSocketHandler(connection => connection.Pipe(connection))));

using IHost host = builder.Build();
await host.StartAsync();
Console.WriteLine($"Listening on {host.Services.GetRequiredKeyedService<ISocketServer>("echo").Address}");
await host.WaitForShutdownAsync();
