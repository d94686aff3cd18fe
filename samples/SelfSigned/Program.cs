// Makes a self-signed certificate with its private key: dotnet run --project samples/SelfSigned -- localhost server.pem [passphrase]
if (args.Length is < 2 or > 3)
{
    await Console.Error.WriteLineAsync("Usage: SelfSigned <host name or IP address> <file to write> [passphrase of the private key]");
    return 2;
}

try
{
    SelfSignedCertificate.WriteNew(args[1], SelfSignedCertificate.CreatePem(args[0], args.ElementAtOrDefault(2)));
    Console.WriteLine($"Wrote {Path.GetFullPath(args[1])}");
    return 0;
}
catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
