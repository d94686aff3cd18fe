using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Echo and handshakes over TLS, ours with a certificate file that is looked at by each handshake, beside bare Kestrel with its
/// own <c>UseHttps</c>. Both run in this process, in turns, with the clients.
/// </summary>
internal static class TlsCommand
{
    private const int Clients = 16;
    private const int Rounds = 7;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(0.5);

    public static async Task RunAsync()
    {
        using X509Certificate2 certificate = CreateCertificate();
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, $"{certificate.ExportCertificatePem()}\n{certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");
        try
        {
            await using WebApplication bare = CreateBare(certificate);
            using IHost ours = CreateOurs(path);
            await bare.StartAsync();
            await ours.StartAsync();
            var bareAddress = new IPEndPoint(IPAddress.Loopback, new Uri(bare.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port);
            IPEndPoint ourAddress = IPEndPoint.Parse(ours.Services.GetRequiredKeyedService<ISocketServer>("tls").Address!);
            Console.WriteLine("| load | bare Kestrel | ours | of bare Kestrel |");
            Console.WriteLine("|---|---:|---:|---:|");
            await CompareAsync("TLS ping-pong 16 x 32 B, messages/s", bareAddress, ourAddress, address => EchoAsync(address, 32));
            await CompareAsync("TLS ping-pong 16 x 16 KiB, messages/s", bareAddress, ourAddress, address => EchoAsync(address, 16 * 1024));
            await CompareAsync("full TLS handshakes, 16 at a time, per second", bareAddress, ourAddress, HandshakeAsync);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task CompareAsync(string name, IPEndPoint bare, IPEndPoint ours, Func<IPEndPoint, Task<double>> measure)
    {
        await measure(bare);
        await measure(ours);
        var rounds = new List<(double Bare, double Ours)>();
        for (int i = 0; i < Rounds; i++)
        {
            rounds.Add(i % 2 == 0 ? (await measure(bare), await measure(ours)) : Swap(await measure(ours), await measure(bare)));
        }

        Console.WriteLine(
            $"| {name} | {Median(rounds.Select(round => round.Bare)):N0} | {Median(rounds.Select(round => round.Ours)):N0} | {Median(rounds.Select(round => round.Ours / round.Bare)):F2} |");
    }

    private static (double, double) Swap(double ours, double bare) => (bare, ours);

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static async Task<double> EchoAsync(IPEndPoint address, int size)
    {
        SslStream[] clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => ConnectAsync(address)));
        long start = Stopwatch.GetTimestamp();
        long[] counts = await Task.WhenAll(clients.Select(async client =>
        {
            byte[] message = new byte[size];
            long count = 0;
            while (Stopwatch.GetElapsedTime(start) < Time)
            {
                await client.WriteAsync(message);
                await client.ReadExactlyAsync(message);
                count++;
            }

            return count;
        }));
        double perSecond = counts.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Array.ForEach(clients, static client => client.Dispose());
        return perSecond;
    }

    private static async Task<double> HandshakeAsync(IPEndPoint address)
    {
        long start = Stopwatch.GetTimestamp();
        int[] counts = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            int count = 0;
            while (Stopwatch.GetElapsedTime(start) < Time)
            {
                await using SslStream client = await ConnectAsync(address);
                count++;
            }

            return count;
        }));
        return counts.Sum() / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<SslStream> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(address);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            AllowTlsResume = false,
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        });
        return stream;
    }

    private static WebApplication CreateBare(X509Certificate2 certificate)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.UseHttps(certificate);
            EchoStyle.Bare.Configure(listen);
        }));
        return builder.Build();
    }

    private static IHost CreateOurs(string path)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server => server.Listen("tls", 0, listen =>
        {
            listen.UseHttps(certificatePath: path);
            EchoStyle.Events.Configure(listen);
        }));
        return builder.Build();
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
