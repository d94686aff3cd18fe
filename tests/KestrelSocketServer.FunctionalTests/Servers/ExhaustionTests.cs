using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using KestrelSocketServer.FunctionalTests.Tls;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class ExhaustionTests
{
    private const string NoDescriptor = "Accept TooManyOpenSockets";

    // Enough for the runtime to start, and soon used up.
    private const int FewDescriptors = 256;

    public static TheoryData<SocketTransportDriver> Drivers => TestDrivers.All;

    [Theory]
    [InlineData("")]
    [InlineData("loops")]
    [Trait("Row", "A17")]
    [Trait("Row", "L4")]
    [Trait("Row", "L5")]
    public async Task Without_descriptors_accepting_waits_patiently_and_goes_on_by_itself(string acceptors)
    {
        using ChildProcess child = ChildProcess.StartWith(new() { ["DOTNET_TieredCompilation"] = "0" }, "exhaust", acceptors);
        string address = await child.ReadLineAsync();
        using RawClient existing = await RawClient.ConnectAsync(address);
        await TalkAsync(existing, "fill");

        using RawClient waiting = await RawClient.ConnectAsync(address);
        await waiting.SendAsync("late");
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(NoDescriptor, await child.ReadLineAsync());
        }

        // From the sixth attempt to the ninth it waits two seconds; the first ones have compiled what they need.
        TimeSpan processorTime = child.ProcessorTime;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(NoDescriptor, await child.ReadLineAsync());
            await TalkAsync(existing, "here");
        }

        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(1), "It tried again too often.");
        Assert.True(child.ProcessorTime - processorTime < TimeSpan.FromSeconds(0.5), $"It spent {child.ProcessorTime - processorTime}.");

        await TalkAsync(existing, "free");
        Assert.Equal("late", await waiting.ReceiveTextAsync(4));
        using RawClient later = await RawClient.ConnectAsync(address);
        await TalkAsync(later, "more");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "L4")]
    [Trait("Row", "L5")]
    public async Task A_logger_a_subscriber_and_a_clock_that_throw_do_not_end_accepting(SocketTransportDriver driver)
    {
        using ChildProcess child = ChildProcess.StartWith(Environment(driver, "0"), "exhaust", "breaks");
        string address = await child.ReadLineAsync();
        using RawClient existing = await RawClient.ConnectAsync(address);
        await TalkAsync(existing, "fill");

        using RawClient waiting = await RawClient.ConnectAsync(address);
        await waiting.SendAsync("late");
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(NoDescriptor, await child.ReadLineAsync());
        }

        await TalkAsync(existing, "free");
        Assert.Equal("late", await waiting.ReceiveTextAsync(4));
        using RawClient later = await RawClient.ConnectAsync(address);
        await TalkAsync(later, "more");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "L14")]
    [Trait("Row", "L5")]
    public async Task A_process_that_clients_fill_lives_and_serves_others_when_they_leave(SocketTransportDriver driver)
    {
        using ChildProcess child = ChildProcess.StartWithDescriptors(FewDescriptors, Environment(driver), "crowd");
        string address = await child.ReadLineAsync();
        for (int round = 0; round < 2; round++)
        {
            using Crowd crowd = await Crowd.FillAsync(child, address);
            await crowd.AssertFirstAreServedAsync();
        }

        using RawClient later = await RawClient.ConnectAsync(address);
        await TalkAsync(later, "more");
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "L14")]
    [Trait("Row", "L5")]
    [Trait("Row", "T3")]
    public async Task While_clients_fill_the_process_handshakes_succeed_and_a_changed_certificate_is_served(SocketTransportDriver driver)
    {
        using var file = new CertificateFile();
        using ChildProcess child = ChildProcess.StartWithDescriptors(FewDescriptors, Environment(driver), "crowd", file.Path);
        string[] addresses = (await child.ReadLineAsync()).Split(' ');

        // It says nothing yet. It is accepted, as one that came after it is.
        using RawClient early = await RawClient.ConnectAsync(addresses[1]);
        using RawClient second = await RawClient.ConnectAsync(addresses[1]);
        await ShakeHandsAsync(second);
        using Crowd crowd = await Crowd.FillAsync(child, addresses[0]);
        string changed = file.Change();
        Assert.Equal(changed, await ShakeHandsAsync(early));
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    [Trait("Row", "L15")]
    [Trait("Row", "T3")]
    public async Task A_changed_certificate_that_no_descriptor_is_left_for_is_told_and_served_later(SocketTransportDriver driver)
    {
        using var file = new CertificateFile();
        string first = file.Change();
        using ChildProcess child = ChildProcess.StartWith(Environment(driver, "0"), "exhaust", file.Path);
        string[] addresses = (await child.ReadLineAsync()).Split(' ');
        using RawClient plain = await RawClient.ConnectAsync(addresses[0]);

        // It says nothing yet. It is accepted, as one that came after it is.
        using RawClient meanwhile = await RawClient.ConnectAsync(addresses[1]);
        using RawClient second = await RawClient.ConnectAsync(addresses[1]);
        Assert.Equal(first, await ShakeHandsAsync(second));
        await TalkAsync(plain, "fill");

        string changed = file.Change();
        Assert.Equal(first, await ShakeHandsAsync(meanwhile));
        Assert.Equal("Certificate IOException", await child.ReadLineAsync());

        await TalkAsync(plain, "free");
        using RawClient later = await RawClient.ConnectAsync(addresses[1]);
        Assert.Equal(changed, await ShakeHandsAsync(later));
    }

    private static Dictionary<string, string> Environment(SocketTransportDriver driver, string tieredCompilation = "1") => new()
    {
        ["SocketServer__Transport__Driver"] = driver.ToString(),
        ["DOTNET_TieredCompilation"] = tieredCompilation,
    };

    // Returns the thumbprint of the certificate.
    private static async Task<string> ShakeHandsAsync(RawClient client)
    {
        string thumbprint = "";
        await using var stream = new SslStream(client.Stream, leaveInnerStreamOpen: true, (_, certificate, _, _) =>
        {
            thumbprint = certificate!.GetCertHashString();
            return certificate.Subject == "CN=localhost";
        });
        await stream.AuthenticateAsClientAsync("localhost").Soon();
        return thumbprint;
    }

    private static async Task TalkAsync(RawClient client, string text)
    {
        await client.SendAsync(text);
        Assert.Equal(text, await client.ReceiveTextAsync(text.Length));
    }

    // More clients than a server has descriptors for. Those that it has none for wait.
    private sealed class Crowd : IDisposable
    {
        // At least: the runtime itself takes more than half of the descriptors.
        private const int Served = 32;

        private readonly List<RawClient> _clients = [];

        public static async Task<Crowd> FillAsync(ChildProcess child, string address)
        {
            var crowd = new Crowd();
            for (int i = 0; i < FewDescriptors; i++)
            {
                RawClient client = await RawClient.ConnectAsync(address);
                crowd._clients.Add(client);
                await client.SendAsync("hi");
            }

            Assert.Equal("echo Accept", await child.ReadLineAsync());
            return crowd;
        }

        public async Task AssertFirstAreServedAsync()
        {
            foreach (RawClient client in _clients.Take(Served))
            {
                Assert.Equal("hi", await client.ReceiveTextAsync(2));
            }

            await TalkAsync(_clients[0], "here");
        }

        public void Dispose() => _clients.ForEach(client => client.Dispose());
    }

    private sealed class CertificateFile : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
        private int _count;

        public CertificateFile() => Change();

        public string Path => System.IO.Path.Combine(_folder, "server.pem");

        // Moves another certificate to its place; returns the thumbprint.
        public string Change()
        {
            using X509Certificate2 certificate = TestPki.SelfSigned("localhost");
            string next = Path + ".next";
            File.WriteAllText(next, TestPki.Pem(certificate));
            File.SetLastWriteTimeUtc(next, DateTime.UtcNow.AddMinutes(_count++));
            File.Move(next, Path, overwrite: true);
            return certificate.GetCertHashString();
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
