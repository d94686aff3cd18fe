// Everybody reads what anybody writes: dotnet run --project samples/Chat [address]
return await ConsoleSample.RunAsync("chat", args, listen => listen
    .UseSocketHandler<ChatHandler>(ChatHandler.Limit));
