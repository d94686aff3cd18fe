using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace KestrelSocketServer.FunctionalTests.Samples;

[Trait("Row", "H1")]
public sealed class SocketsBesideHttpSampleTests
{
    [Fact]
    [Trait("Row", "X2")]
    [Trait("Row", "X3")]
    public async Task It_tells_what_to_type_and_that_works()
    {
        await using SampleProcess sample = StartSample();
        (_, IPEndPoint chat, IPEndPoint echo) = await ReadAddressesAsync(sample);

        await using Netcat echoClient = await Netcat.ConnectAsync(echo);
        await echoClient.SendAsync("there and back\n");
        Assert.Equal("there and back", await echoClient.ReadLineAsync());

        await using Netcat chatClient = await Netcat.ConnectAsync(chat);
        await chatClient.SendAsync("Hello!\n");
        Assert.EndsWith(": Hello!", await chatClient.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "X2")]
    [Trait("Row", "L13")]
    public async Task Its_TLS_echo_shows_a_certificate_that_it_made_itself()
    {
        await using SampleProcess sample = StartSample();
        await ReadAddressesAsync(sample);

        // secure  openssl s_client -quiet -CAfile "/home/me/.local/share/KestrelSocketServer/localhost.pem" -connect 127.0.0.1:8009
        string[] words = (await sample.ReadLineAsync()).Split('"');
        Assert.Equal("secure  openssl s_client -quiet -CAfile ", words[0]);
        await TlsSampleTests.AssertEchoesAsync(IPEndPoint.Parse(words[2].Split(' ')[^1]), words[1]);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(words[1]));
        }
    }

    [Fact]
    [Trait("Row", "L6")]
    public async Task Its_page_and_its_JSON_list_the_endpoints_with_their_connections()
    {
        await using SampleProcess sample = StartSample();
        (Uri page, IPEndPoint chat, IPEndPoint echo) = await ReadAddressesAsync(sample);
        using var http = new HttpClient { BaseAddress = page, Timeout = TestTimeout.Value };
        await using Netcat echoClient = await Netcat.ConnectAsync(echo);
        await echoClient.SendAsync("counted\n");
        Assert.Equal("counted", await echoClient.ReadLineAsync());

        JsonElement endpoints = await http.GetFromJsonAsync<JsonElement>("/endpoints");
        Assert.Equal(
            [("chat", chat.ToString(), 0), ("echo", echo.ToString(), 1)],
            endpoints.EnumerateArray().Where(endpoint => endpoint.GetProperty("name").GetString() != "secure").Select(endpoint => (
                endpoint.GetProperty("name").GetString()!,
                endpoint.GetProperty("address").GetString()!,
                endpoint.GetProperty("connections").GetInt32())));

        using HttpResponseMessage response = await http.GetAsync("/");
        string html = await response.Content.ReadAsStringAsync();
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains($"<td>chat</td><td><code>{chat}</code></td><td>0</td>", html, StringComparison.Ordinal);
        Assert.Contains($"<td>echo</td><td><code>{echo}</code></td><td>1</td>", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [Trait("Row", "H4")]
    public async Task It_stops_in_order_on_a_signal_even_with_idle_clients(string signal)
    {
        await using SampleProcess sample = StartSample();
        (_, IPEndPoint chat, IPEndPoint echo) = await ReadAddressesAsync(sample);
        await using Netcat chatClient = await Netcat.ConnectAsync(chat);
        await using Netcat echoClient = await Netcat.ConnectAsync(echo);
        await echoClient.SendAsync("connected\n");
        Assert.Equal("connected", await echoClient.ReadLineAsync());

        await sample.SignalAsync(signal);

        Assert.Equal(0, (await sample.WaitForExitAsync()).ExitCode);
    }

    [Fact]
    [Trait("Row", "K4")]
    public async Task Its_page_shows_the_file_as_it_is_edited()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("socket-server-");
        try
        {
            Write("""{ "echo": { "Url": "127.0.0.1:0" } }""");
            await using SampleProcess sample = SampleProcess.Start("SocketsBesideHttp", "--urls", "http://127.0.0.1:0", "--contentRoot", folder.FullName);
            Uri page = new((await sample.ReadLineAsync()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1]);
            IPEndPoint echo = await ReadCommandAsync(sample, "echo");
            using var http = new HttpClient { BaseAddress = page, Timeout = TestTimeout.Value };

            Write("""{ "echo": { "Url": "127.0.0.1:0" }, "chat": { "Url": "[::1]:0" } }""");
            string html = "";
            using var timeout = new CancellationTokenSource(TestTimeout.Value);
            while (!html.Contains("<td>chat</td>", StringComparison.Ordinal))
            {
                html = await http.GetStringAsync("/", timeout.Token);
            }

            Assert.Contains($"<td>echo</td><td><code>{echo}</code></td>", html, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        void Write(string endpoints)
        {
            string file = Path.Combine(folder.FullName, "appsettings.json");
            File.WriteAllText(file + ".new", $$"""{ "SocketServer": { "Endpoints": {{endpoints}} } }""");
            File.Move(file + ".new", file, overwrite: true);
        }
    }

    [Fact]
    [Trait("Row", "H5")]
    public async Task A_bad_address_ends_it_with_a_message()
    {
        await using SampleProcess sample = SampleProcess.Start("SocketsBesideHttp", "--urls", "http://127.0.0.1:0", "--SocketServer:Endpoints:echo:Url=127.0.0.1");

        (int exitCode, string output, string errors) = await sample.WaitForExitAsync();

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains("SocketServer:Endpoints:echo:Url: '127.0.0.1' has no port", errors, StringComparison.Ordinal);
    }

    private static SampleProcess StartSample() => SampleProcess.Start(
        "SocketsBesideHttp",
        "--urls",
        "http://127.0.0.1:0",
        "--SocketServer:Endpoints:echo:Url=127.0.0.1:0",
        "--SocketServer:Endpoints:chat:Url=127.0.0.1:0",
        "--SocketServer:Endpoints:secure:Url=tls://127.0.0.1:0");

    // Page  http://127.0.0.1:5000
    // chat  nc 127.0.0.1 8008
    // echo  nc 127.0.0.1 8007
    private static async Task<(Uri Page, IPEndPoint Chat, IPEndPoint Echo)> ReadAddressesAsync(SampleProcess sample)
    {
        string[] page = (await sample.ReadLineAsync()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("Page", page[0]);
        return (new Uri(page[1]), await ReadCommandAsync(sample, "chat"), await ReadCommandAsync(sample, "echo"));
    }

    private static async Task<IPEndPoint> ReadCommandAsync(SampleProcess sample, string endpoint)
    {
        string[] words = (await sample.ReadLineAsync()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([endpoint, "nc"], words[..2]);
        return IPEndPoint.Parse($"{words[2]}:{words[3]}");
    }
}
