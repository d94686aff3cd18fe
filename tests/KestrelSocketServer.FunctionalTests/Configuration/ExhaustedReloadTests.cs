using System.Net.Sockets;
using System.Security.Authentication;
using KestrelSocketServer.FunctionalTests.Servers;
using KestrelSocketServer.FunctionalTests.Tls;

namespace KestrelSocketServer.FunctionalTests.Configuration;

/// <summary>Changes that are made while the process has no descriptor left.</summary>
[Trait("Row", "K22")]
public sealed class ExhaustedReloadTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("socket-server-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_file_that_cannot_be_opened_is_read_once_it_can()
    {
        Write("A");
        using ChildProcess child = Start();
        using RawClient client = await RawClient.ConnectAsync(await child.ReadLineAsync());
        await TalkAsync(client, "fill");

        Write("A", "B");
        Assert.StartsWith("failed ", await child.ReadLineAsync(), StringComparison.Ordinal);
        await TalkAsync(client, "free");

        await AssertAppliedAsync(child, client);
    }

    [Fact]
    public async Task An_endpoint_that_cannot_be_bound_is_bound_once_it_can()
    {
        Write("A");
        using ChildProcess child = Start();
        using RawClient client = await RawClient.ConnectAsync(await child.ReadLineAsync());
        await TalkAsync(client, "fill");

        await TalkAsync(client, "bind");
        Assert.StartsWith("failed Endpoint 'B' cannot listen on tcp://127.0.0.1:0: ", await child.ReadLineAsync(), StringComparison.Ordinal);
        await TalkAsync(client, "free");

        await AssertAppliedAsync(child, client);
    }

    [Fact]
    [Trait("Row", "T3")]
    public async Task A_certificate_that_cannot_be_opened_is_loaded_once_it_can()
    {
        Write("A");
        string certificate = Path.Combine(_folder.FullName, "server.pem");
        string pem = TestPki.Pem(TestPki.Default.Issue("localhost"));
        File.WriteAllText(certificate, pem);
        using ChildProcess child = Start(certificate);
        using RawClient client = await RawClient.ConnectAsync(await child.ReadLineAsync());
        string address = await child.ReadLineAsync();
        await using (TlsClient warm = await TlsClient.ConnectAsync(address))
        {
            await TlsServer.AssertEchoAsync(warm);
        }

        // Changed, so that it is to be read again.
        File.WriteAllText(certificate, $"{pem}\n");
        using Socket early = await TlsClient.ConnectTcpAsync(address);
        await TalkAsync(client, "accepted");
        await TalkAsync(client, "fill");
        await using (var late = new TlsClient(early))
        {
            Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => late.AuthenticateAsClientAsync("localhost").Soon());
            Assert.True(failure is IOException or AuthenticationException, failure.ToString());
        }

        await TalkAsync(client, "free");
        await using TlsClient served = await TlsClient.ConnectAsync(address);
        await TlsServer.AssertEchoAsync(served);
    }

    private ChildProcess Start(params string[] arguments)
        => ChildProcess.StartWith(new() { ["DOTNET_TieredCompilation"] = "0" }, "reload", [_folder.FullName, .. arguments]);

    private void Write(params string[] endpoints)
    {
        string file = Path.Combine(_folder.FullName, "appsettings.json");
        string settings = string.Join(", ", endpoints.Select(name => $"\"{name}\": {{ \"Url\": \"127.0.0.1:0\" }}"));
        File.WriteAllText($"{file}.new", $$"""{ "SocketServer": { "Endpoints": { {{settings}} } } }""");
        File.Move($"{file}.new", file, overwrite: true);
    }

    private static async Task AssertAppliedAsync(ChildProcess child, RawClient client)
    {
        string[] reloaded = (await child.ReadLineAsync()).Split(' ');
        Assert.Equal("reloaded", reloaded[0]);
        using RawClient late = await RawClient.ConnectAsync(reloaded[1]);
        await TalkAsync(late, "late");
        await TalkAsync(client, "still");
        await child.SignalAsync("TERM");

        // Told once, however often it was tried.
        (_, string log) = await child.WaitForExitAsync();
        Assert.Single(log.Split('\n'), line => line.Contains("KestrelSocketServer[", StringComparison.Ordinal));
        Assert.Contains("KestrelSocketServer[72]", log, StringComparison.Ordinal);
    }

    private static async Task TalkAsync(RawClient client, string text)
    {
        await client.SendAsync(text);
        Assert.Equal(text, await client.ReceiveTextAsync(text.Length));
    }
}
