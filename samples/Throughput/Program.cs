using System.Diagnostics;

// Counts what it receives, and prints the throughput when the client leaves: dotnet run --project samples/Throughput [address [server.pem [passphrase]]]
return await ConsoleSample.RunAsync("throughput", args, listen => listen
    .UseSocketHandler(connection =>
    {
        long bytes = 0;
        long started = Stopwatch.GetTimestamp();
        string? client = connection.RemoteAddress;

        connection.Data += chunk => bytes += chunk.Length;
        connection.Closed += () =>
        {
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            double mebibytes = bytes / (1024.0 * 1024.0);
            Console.WriteLine($"{client}: {bytes} bytes in {seconds:0.000} s: {mebibytes / seconds:0.0} MiB/s");
        };
    }));
