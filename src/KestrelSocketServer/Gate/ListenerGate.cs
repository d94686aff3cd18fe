using KestrelSocketServer.Transport;

namespace KestrelSocketServer.Gate;

/// <summary>The gate of an endpoint, with the rules by which one of its listeners lets clients in.</summary>
internal sealed class ListenerGate : IAcceptGate
{
    private readonly AcceptGate _gate;
    private readonly RefusalMeter _meter;
    private volatile GateRules _rules;

    public ListenerGate(AcceptGate gate, GateRules rules, RefusalMeter meter)
    {
        _gate = gate;
        _meter = meter;
        _rules = rules;
        gate.OnRulesChanged(rules);
    }

    public byte[] Goodbye => _rules.Goodbye;

    public GateDecision Decide(ReadOnlySpan<byte> address, out int ticket) => _gate.Decide(_rules, _meter, address, out ticket);

    public void Release(int ticket) => _gate.Release(ticket);

    /// <summary>A connection is gone: it is released once, however often that is told.</summary>
    public void Release(TransportConnection connection)
    {
        int ticket = connection.Ticket;
        connection.Ticket = AcceptGate.NoTicket;
        _gate.Release(ticket);
    }

    /// <summary>What is to be waited for before another client is accepted; null where there is no need to wait.</summary>
    public Task? GetRoom() => _gate.GetRoom(_rules);

    /// <summary>Changes the rules for the clients that come from now on, and for those that wait.</summary>
    public void SetRules(GateRules rules)
    {
        _rules = rules;
        _gate.OnRulesChanged(rules);
    }
}
