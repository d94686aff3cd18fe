using System.Net;

namespace KestrelSocketServer.Benchmarks;

/// <summary>All that is done to the server while it is soaked.</summary>
internal sealed class SoakWorks(IReadOnlyList<IPEndPoint> server)
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    private IPEndPoint Plain => server[0];

    private IPEndPoint Tls => server[1];

    private IPEndPoint Blocking => server[2];

    public IReadOnlyList<SoakWork> ToList() =>
    [
        new("churn", 4, ChurnAsync),
        new("resets", 2, ResetAsync),
        new("slow readers", 2, ReadSlowlyAsync),
        new("readers that leave", 1, LeaveUnreadAsync),
        new("transfers", 1, cancellation => TransferAsync(Plain, isTls: false, cancellation)),
        new("TLS transfers", 1, cancellation => TransferAsync(Tls, isTls: true, cancellation)),
        new("TLS echoes", 2, EchoByTlsAsync),
        new("broken handshakes", 1, BreakHandshakeAsync),
        new("blocking", 4, BlockAsync),
    ];

    private async Task ChurnAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Plain, cancellationToken);
        await client.ExchangeAsync(Random.Shared.Next(1, 4 * KiB), cancellationToken);
        if (Random.Shared.Next(2) == 0)
        {
            await client.EndAsync(cancellationToken);
        }
    }

    private async Task ResetAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Plain, cancellationToken);
        switch (Random.Shared.Next(3))
        {
            case 0:
                await client.ExchangeAsync(Random.Shared.Next(1, 256 * KiB), cancellationToken);
                break;
            case 1:
                await client.SendAsync(new byte[Random.Shared.Next(1, 16 * KiB)], cancellationToken);
                break;
        }

        client.Reset();
    }

    private async Task ReadSlowlyAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Plain, cancellationToken, receiveBuffer: 16 * KiB);
        await client.ExchangeAsync(Random.Shared.Next(MiB, 4 * MiB), cancellationToken, pace: TimeSpan.FromMilliseconds(2));
        await client.EndAsync(cancellationToken);
    }

    private async Task LeaveUnreadAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Plain, cancellationToken, receiveBuffer: 16 * KiB);
        using var patience = new CancellationTokenSource(Random.Shared.Next(50, 300));
        try
        {
            await client.SendOnAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            client.Reset();
        }
    }

    private static async Task TransferAsync(IPEndPoint server, bool isTls, CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(server, cancellationToken);
        if (isTls)
        {
            await client.StartTlsAsync(cancellationToken);
        }

        await client.ExchangeAsync(Random.Shared.Next(16 * MiB, 48 * MiB), cancellationToken);
    }

    private async Task EchoByTlsAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Tls, cancellationToken);
        await client.StartTlsAsync(cancellationToken);
        for (int i = Random.Shared.Next(1, 10); i > 0; i--)
        {
            await client.ExchangeAsync(Random.Shared.Next(1, 64 * KiB), cancellationToken);
        }

        if (Random.Shared.Next(4) == 0)
        {
            client.Reset();
        }
    }

    private async Task BreakHandshakeAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Tls, cancellationToken);
        switch (Random.Shared.Next(3))
        {
            case 0:
                await client.SendAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), cancellationToken);
                await client.WaitForGoodbyeAsync(cancellationToken);
                break;
            case 1:
                // The start of a ClientHello.
                await client.SendAsync(new byte[] { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 }, cancellationToken);
                client.Reset();
                break;
        }
    }

    private async Task BlockAsync(CancellationToken cancellationToken)
    {
        await using SoakClient client = await SoakClient.ConnectAsync(Blocking, cancellationToken);
        for (int i = Random.Shared.Next(1, 5); i > 0; i--)
        {
            await client.ExchangeAsync(Random.Shared.Next(1, KiB), cancellationToken);
        }
    }
}
