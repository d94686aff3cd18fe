using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.TestChild;

/// <summary>
/// Many endpoints, plain and with TLS, and in another host as many with Kestrel's own TLS. Prints for each host how many threads came with
/// it, and how many of them are timers of Kestrel's; then how many such timers the latter leaves.
/// </summary>
internal static class EndpointsCommand
{
    public static async Task<int> RunAsync(int count)
    {
        using X509Certificate2 certificate = Create();

        // What the first host starts for all.
        using IHost first = await StartAsync(1, static (_, _) => { });
        using IHost ours = await CountAsync(count, (listen, number) =>
        {
            if (number % 2 == 0)
            {
                listen.UseHttps(TlsCertificate.From(certificate));
            }
        });
        using (IHost kestrels = await CountAsync(count, (listen, _) => listen.UseHttps(certificate)))
        {
            await kestrels.StopAsync();
        }

        Console.WriteLine(NamedThreads.Count(NamedThreads.KestrelTimer));
        await Task.WhenAll(ours.StopAsync(), first.StopAsync());
        return 0;
    }

    private static async Task<IHost> CountAsync(int count, Action<ListenOptions, int> useHttps)
    {
        int before = Directory.GetDirectories("/proc/self/task").Length;
        int timers = NamedThreads.Count(NamedThreads.KestrelTimer);
        IHost host = await StartAsync(count, useHttps);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Directory.GetDirectories("/proc/self/task").Length - before} {NamedThreads.Count(NamedThreads.KestrelTimer) - timers}"));
        return host;
    }

    private static async Task<IHost> StartAsync(int count, Action<ListenOptions, int> useHttps)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSocketServer(server =>
        {
            for (int i = 0; i < count; i++)
            {
                int number = i;
                server.Listen($"endpoint {number}", 0, listen =>
                {
                    useHttps(listen, number);
                    listen.UseSocketHandler(connection => connection.Pipe(connection));
                });
            }
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static X509Certificate2 Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
