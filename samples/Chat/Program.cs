// Everybody reads what anybody writes: dotnet run --project samples/Chat [address [server.pem [passphrase]]]
return await ConsoleSample.RunAsync("chat", args, listen => listen
    .UseSocketHandler<ChatHandler>(ChatHandler.Limit));
