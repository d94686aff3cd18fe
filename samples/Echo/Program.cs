using KestrelSocketServer;

// Sends back whatever it receives: dotnet run --project samples/Echo [address [server.pem [passphrase]]]
return await ConsoleSample.RunAsync("echo", args, listen => listen
    .UseSocketHandler(connection => connection.Pipe(connection)));
