using System.Globalization;

namespace KestrelSocketServer;

// How many clients may come in, and how fast.
public sealed partial class SocketConnectionOptions
{
    // With round trips of 100 ms, and two of them for a handshake, so many at once are 640 a second for each processor, which is about what
    // one can compute with RSA keys of 2048 bits. More at once would take memory, and make all of them late.
    private const int HandshakesPerProcessor = 128;

    /// <summary>The highest rate that means anything.</summary>
    internal const double MaxRate = 1_000_000;

    /// <summary>How many connections the endpoint may have at the same time (row G1).</summary>
    /// <remarks>Defaults to null: as many as the process has descriptors for. At least 1.</remarks>
    public int? MaxConcurrentConnections { get; set; }

    /// <summary>What becomes of clients that come while the endpoint has <see cref="MaxConcurrentConnections"/> (row G1).</summary>
    /// <remarks>
    /// Defaults to <see cref="SocketWhenFull.Refuse"/>, which it is always on the application's own Kestrel.
    /// </remarks>
    public SocketWhenFull WhenFull { get; set; }

    /// <summary>What refused clients are sent before their socket is closed, in UTF-8 (row G1).</summary>
    /// <remarks>
    /// Defaults to null: nothing, their connection is reset. Only sent where the endpoint has no TLS, as far as the operating system takes
    /// it at once. It makes a refusal more expensive.
    /// </remarks>
    public string? RefusalMessage { get; set; }

    /// <summary>How many connections an address may have at the same time (row G2).</summary>
    /// <remarks>
    /// Defaults to null: any number. At least 1. Clients behind one NAT share an address, and clients behind a proxy that of the proxy.
    /// </remarks>
    public int? MaxConnectionsPerAddress { get; set; }

    /// <summary>How many bits of an IPv6 address are the address of a client (row G2).</summary>
    /// <remarks>Defaults to 64, the network that a customer gets at least: a single one has any number of addresses in it. From 1 to 128.</remarks>
    public int AddressPrefixLength { get; set; } = 64;

    /// <summary>How many connections may come in a second, on the average (row G3).</summary>
    /// <remarks>Defaults to null: any number. More than 0; below 1 for one in several seconds.</remarks>
    public double? ConnectionsPerSecond { get; set; }

    /// <summary>How many connections may come at once, with <see cref="ConnectionsPerSecond"/> (row G3).</summary>
    /// <remarks>Defaults to null: as many as may come in a second. At least 1.</remarks>
    public int? ConnectionsPerSecondBurst { get; set; }

    /// <summary>How many connections may come from an address in a second, on the average (row G3).</summary>
    /// <remarks>Defaults to null: any number. More than 0; below 1 for one in several seconds.</remarks>
    public double? ConnectionsPerSecondPerAddress { get; set; }

    /// <summary>How many connections may come from an address at once, with <see cref="ConnectionsPerSecondPerAddress"/> (row G3).</summary>
    /// <remarks>Defaults to null: as many as may come in a second. At least 1.</remarks>
    public int? ConnectionsPerSecondPerAddressBurst { get; set; }

    /// <summary>
    /// How many TLS handshakes may be under way at the same time (row G4). Further ones wait their turn, at most for what their time-out
    /// leaves them. A handshake begins when all of the client's first message is there: a client that says nothing takes no turn.
    /// </summary>
    /// <remarks>
    /// Defaults to null: 128 for each processor, at least 256. At least 1; <see cref="int.MaxValue"/> for any number. Without effect on the
    /// application's own Kestrel.
    /// </remarks>
    public int? MaxConcurrentHandshakes { get; set; }

    /// <summary>Whether it is only counted and logged who would be refused, while nobody is (row G6).</summary>
    /// <remarks>Defaults to false. It holds for the limits on connections and handshakes, and for the lists of <see cref="SocketAccessOptions"/>.</remarks>
    public bool DryRun { get; set; }

    /// <summary><see cref="MaxConcurrentHandshakes"/>, the default included.</summary>
    internal int EffectiveMaxConcurrentHandshakes => MaxConcurrentHandshakes ?? Math.Max(256, HandshakesPerProcessor * Environment.ProcessorCount);

    private void ValidateGate(string subject)
    {
        CheckPositive(MaxConcurrentConnections, nameof(MaxConcurrentConnections));
        CheckPositive(MaxConnectionsPerAddress, nameof(MaxConnectionsPerAddress));
        CheckPositive(ConnectionsPerSecondBurst, nameof(ConnectionsPerSecondBurst));
        CheckPositive(ConnectionsPerSecondPerAddressBurst, nameof(ConnectionsPerSecondPerAddressBurst));
        CheckPositive(MaxConcurrentHandshakes, nameof(MaxConcurrentHandshakes));
        CheckRate(ConnectionsPerSecond, nameof(ConnectionsPerSecond));
        CheckRate(ConnectionsPerSecondPerAddress, nameof(ConnectionsPerSecondPerAddress));
        if (AddressPrefixLength is < 1 or > 128)
        {
            throw new InvalidOperationException($"{subject}{nameof(AddressPrefixLength)} is {AddressPrefixLength}; it must be from 1 to 128.");
        }

        if (!Enum.IsDefined(WhenFull))
        {
            throw new InvalidOperationException(
                $"{subject}{nameof(WhenFull)} is {WhenFull}; it must be {nameof(SocketWhenFull.Refuse)} or {nameof(SocketWhenFull.Wait)}.");
        }

        void CheckPositive(int? value, string option)
        {
            if (value < 1)
            {
                throw new InvalidOperationException($"{subject}{option} is {value}; it must be at least 1, or null for the default.");
            }
        }

        void CheckRate(double? value, string option)
        {
            if (value is not (null or (> 0 and <= MaxRate)))
            {
                throw new InvalidOperationException(string.Create(
                    CultureInfo.InvariantCulture, $"{subject}{option} is {value}; it must be more than 0 and at most {MaxRate}, or null for no limit."));
            }
        }
    }
}
