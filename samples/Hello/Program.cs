using KestrelSocketServer;

// Greets, and closes the connection when anything is sent to it: dotnet run --project samples/Hello [address [server.pem [passphrase]]]
return await ConsoleSample.RunAsync("hello", args, listen => listen
    .UseSocketHandler(connection =>
    {
        connection.Write($"Hello {connection.RemoteAddress}!\n");
        connection.Write("Welcome to this amazing server!\n");
        connection.Write("Here's a tip: don't say anything.\n");

        connection.Data += _ => connection.Close();
    }));
