using KestrelSocketServer;

// Greets, and closes the connection when anything is sent to it: dotnet run --project samples/Hello [address]
HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
builder.Services.AddSocketServer(server => server.Listen("hello", args.ElementAtOrDefault(0) ?? "127.0.0.1:0", listen => listen
    .UseSocketHandler(connection =>
    {
        connection.Write($"Hello {connection.RemoteAddress}!\n");
        connection.Write("Welcome to this amazing server!\n");
        connection.Write("Here's a tip: don't say anything.\n");

        connection.Data += _ => connection.Close();
    })));

using IHost host = builder.Build();
await host.StartAsync();
Console.WriteLine($"Listening on {host.Services.GetRequiredKeyedService<ISocketServer>("hello").Address}");
await host.WaitForShutdownAsync();
