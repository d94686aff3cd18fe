using System.Net;
using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Gate;

/// <summary>
/// Counts the clients of an endpoint, and decides who may come in. It outlives changes of the endpoint's configuration, with what it has
/// counted: the rules that it goes by come with each client.
/// </summary>
internal sealed class AcceptGate(TimeProvider timeProvider, RefusalLog refusals)
{
    /// <summary>The ticket of a connection that counts nowhere.</summary>
    public const int NoTicket = -1;

    // Of a connection that counts for no address; others have the slot of theirs.
    private const int NoAddress = 0;

    /// <summary>How many addresses without connections are remembered for their rates: 4 MB.</summary>
    private const int MaxAddresses = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly AddressTable _addresses = new(MaxAddresses);
    private TokenBucket _bucket;
    private TaskCompletionSource? _room;
    private int _count;

    /// <summary>The handshakes of the endpoint's connections.</summary>
    public HandshakeGate Handshakes { get; } = new();

    /// <summary>How many connections the endpoint has.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Decides on a client, as <see cref="IAcceptGate.Decide"/>.</summary>
    public GateDecision Decide(GateRules rules, RefusalMeter meter, ReadOnlySpan<byte> address, out int ticket)
    {
        AddressKey? client = address.Length is AddressKey.IPv4Size or AddressKey.IPv6Size ? AddressKey.From(address) : null;
        AddressKey? judged = client is { } known && rules.Proxies?.Contains(known) == true ? null : client;
        RefusalReason? reason = FindRefusal(rules, judged);
        ticket = NoTicket;
        if (reason is null || rules.IsDryRun)
        {
            lock (_lock)
            {
                long now = timeProvider.GetTimestamp();
                RefusalReason? limit = _count >= rules.MaxConnections ? RefusalReason.Connections
                    : FindRefusal(rules, judged, now) ?? (_bucket.HasToken(rules.Rate, now) ? null : RefusalReason.Rate);
                if (limit == RefusalReason.Connections && rules is { Waits: true, IsDryRun: false })
                {
                    return GateDecision.Wait;
                }

                if (limit is null || rules.IsDryRun)
                {
                    _count++;
                    _bucket.Take(rules.Rate, now);
                    ticket = Enter(rules, judged, now);
                }

                reason ??= limit;
            }
        }

        Report(rules, meter, reason, client);
        return ticket == NoTicket ? GateDecision.Refuse : GateDecision.Accept;
    }

    /// <summary>
    /// Decides once more on a client that came in through a proxy, now that its own address is known. Where it may stay, it counts for
    /// that address from now on, and no more for the proxy's.
    /// </summary>
    /// <returns>Whether it may stay.</returns>
    public bool TryAdmit(GateRules rules, RefusalMeter meter, IPAddress address, ref int ticket)
    {
        AddressKey client = AddressKey.From(address);
        RefusalReason? reason = FindRefusal(rules, client);
        bool mayStay = reason is null || rules.IsDryRun;
        if (mayStay)
        {
            lock (_lock)
            {
                long now = timeProvider.GetTimestamp();
                RefusalReason? limit = FindRefusal(rules, client, now);
                mayStay = limit is null || rules.IsDryRun;
                if (mayStay && ticket != NoTicket)
                {
                    Leave(ticket, now);
                    ticket = Enter(rules, client, now);
                }

                reason ??= limit;
            }
        }

        Report(rules, meter, reason, client);
        return mayStay;
    }

    /// <summary>A client that was let in is gone.</summary>
    public void Release(int ticket)
    {
        if (ticket == NoTicket)
        {
            return;
        }

        TaskCompletionSource? room;
        lock (_lock)
        {
            _count--;
            Leave(ticket, timeProvider.GetTimestamp());
            room = _room;
            _room = null;
        }

        room?.TrySetResult();
    }

    /// <summary>What is to be waited for before another client is accepted; null where there is room for one, or no need to wait.</summary>
    public Task? GetRoom(GateRules rules)
    {
        if (!rules.Waits || rules.IsDryRun)
        {
            return null;
        }

        lock (_lock)
        {
            return _count < rules.MaxConnections ? null : (_room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Whoever waits for room is to look again, as there are new rules.</summary>
    public void OnRulesChanged(GateRules rules)
    {
        TaskCompletionSource? room;
        lock (_lock)
        {
            room = _room;
            _room = null;
        }

        room?.TrySetResult();
        Handshakes.SetLimit(rules.IsDryRun ? int.MaxValue : rules.MaxHandshakes);
    }

    /// <summary>A handshake had not had its turn when its time was up.</summary>
    public void OnHandshakeRefused(RefusalMeter meter, IPAddress? address)
    {
        meter.Count(RefusalReason.Handshakes, isDryRun: false);
        refusals.Add(RefusalReason.Handshakes, isDryRun: false, address is null ? null : AddressKey.From(address));
    }

    // By the lists, without a lock. They say nothing of clients without an address.
    private static RefusalReason? FindRefusal(GateRules rules, AddressKey? client) => client is not { } address ? null
        : rules.Deny?.Contains(address) == true ? RefusalReason.Denied
        : rules.Allow?.Contains(address) == false ? RefusalReason.NotAllowed
        : null;

    // By the limits of an address, in the lock.
    private RefusalReason? FindRefusal(GateRules rules, AddressKey? client, long now)
    {
        if (client is not { } address || (rules.MaxConnectionsPerAddress == int.MaxValue && !rules.RatePerAddress.IsLimited))
        {
            return null;
        }

        int slot = _addresses.Find(address.ToNetwork(rules.IPv6PrefixLength));
        if (slot == 0)
        {
            return null;
        }

        if (_addresses.ConnectionsOf(slot) >= rules.MaxConnectionsPerAddress)
        {
            return RefusalReason.ConnectionsPerAddress;
        }

        if (_addresses.BucketOf(slot).HasToken(rules.RatePerAddress, now))
        {
            return null;
        }

        // Whoever keeps trying is not the first to be forgotten.
        _addresses.Touch(slot);
        return RefusalReason.RatePerAddress;
    }

    private int Enter(GateRules rules, AddressKey? client, long now)
    {
        if (client is not { } address)
        {
            return NoAddress;
        }

        int slot = _addresses.Enter(address.ToNetwork(rules.IPv6PrefixLength), now);
        _addresses.BucketOf(slot).Take(rules.RatePerAddress, now);
        return slot;
    }

    private void Leave(int ticket, long now)
    {
        if (ticket != NoAddress)
        {
            _addresses.Leave(ticket, now);
        }
    }

    private void Report(GateRules rules, RefusalMeter meter, RefusalReason? reason, AddressKey? client)
    {
        if (reason is { } refusal)
        {
            meter.Count(refusal, rules.IsDryRun);
            refusals.Add(refusal, rules.IsDryRun, client);
        }
    }
}
