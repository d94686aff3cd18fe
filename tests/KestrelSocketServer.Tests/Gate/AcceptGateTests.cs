using System.Net;
using KestrelSocketServer.Gate;
using KestrelSocketServer.Transport;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.Tests.Gate;

public sealed class AcceptGateTests
{
    private static readonly RefusalMeter Meter = new(metrics: null, endpoint: null, local: null);
    private readonly FakeTimeProvider _clock = new();
    private readonly AcceptGate _gate;

    public AcceptGateTests() => _gate = new AcceptGate(_clock, new RefusalLog(null, NullLogger.Instance, _clock, raiseError: null));

    [Fact]
    [Trait("Row", "G2")]
    public void A_proxy_has_no_limit_of_its_own_and_its_clients_count_for_their_addresses_once_they_are_known()
    {
        var rules = new GateRules { MaxConnectionsPerAddress = 1, Proxies = NetworkList.Parse(["10.0.0.0/8"]), Deny = NetworkList.Parse(["192.0.2.9", "10.0.0.1"]) };
        Assert.True(TryEnter(rules, "10.0.0.1", out int first));
        Assert.True(TryEnter(rules, "10.0.0.1", out int second));
        Assert.True(TryEnter(rules, "10.0.0.1", out int third));
        Assert.True(_gate.TryAdmit(rules, Meter, IPAddress.Parse("192.0.2.1"), ref first));
        Assert.False(_gate.TryAdmit(rules, Meter, IPAddress.Parse("192.0.2.1"), ref second));
        Assert.False(_gate.TryAdmit(rules, Meter, IPAddress.Parse("192.0.2.9"), ref third));
        Assert.False(TryEnter(rules, "192.0.2.1", out _));
        Assert.Equal(3, _gate.Count);

        Array.ForEach([first, second, third], _gate.Release);
        Assert.Equal(0, _gate.Count);
        Assert.True(TryEnter(rules, "192.0.2.1", out _));
    }

    [Fact]
    [Trait("Row", "G2")]
    public void A_client_that_turns_out_to_be_another_counts_for_its_first_address_no_more()
    {
        var rules = new GateRules { MaxConnectionsPerAddress = 1 };
        Assert.True(TryEnter(rules, "10.0.0.1", out int first));
        Assert.True(_gate.TryAdmit(rules, Meter, IPAddress.Parse("192.0.2.1"), ref first));
        Assert.True(TryEnter(rules, "10.0.0.1", out int second));
        Assert.False(_gate.TryAdmit(rules, Meter, IPAddress.Parse("192.0.2.1"), ref second));
        Assert.False(TryEnter(rules, "10.0.0.1", out _));
    }

    [Fact]
    [Trait("Row", "G1")]
    public void A_ticket_that_was_given_back_counts_no_more()
    {
        _gate.Release(AcceptGate.NoTicket);
        Assert.Equal(0, _gate.Count);
    }

    [Fact]
    [Trait("Row", "G3")]
    public void A_refused_client_takes_nothing_from_the_memory_of_the_process()
    {
        var rules = new GateRules { MaxConnections = 1, Deny = NetworkList.Parse(["192.0.2.9"]), RatePerAddress = new Rate(1_000_000, 1) };
        Assert.True(TryEnter(rules, "192.0.2.1", out _));
        byte[] full = IPAddress.Parse("192.0.2.2").GetAddressBytes();
        byte[] denied = IPAddress.Parse("192.0.2.9").GetAddressBytes();
        _gate.Decide(rules, Meter, full, out _);
        _gate.Decide(rules, Meter, denied, out _);

        int refused = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            refused += _gate.Decide(rules, Meter, full, out _) == GateDecision.Refuse ? 1 : 0;
            refused += _gate.Decide(rules, Meter, denied, out _) == GateDecision.Refuse ? 1 : 0;
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
        Assert.Equal(2000, refused);
    }

    [Fact]
    [Trait("Row", "G4")]
    public void There_is_a_limit_on_handshakes_by_default()
        => Assert.Equal(
            Math.Max(256, 128 * Environment.ProcessorCount),
            GateRules.From(new SocketConnectionOptions(), null, null, isPlain: false, _clock).MaxHandshakes);

    [Theory]
    [InlineData("MaxConcurrentConnections is 0; it must be at least 1, or null for the default.")]
    [InlineData("ConnectionsPerSecond is -1; it must be more than 0 and at most 1000000, or null for no limit.")]
    [InlineData("AddressPrefixLength is 0; it must be from 1 to 128.")]
    [InlineData("WhenFull is 7; it must be Refuse or Wait.")]
    [Trait("Row", "H5")]
    public void A_limit_that_cannot_work_is_told(string expected)
    {
        var options = new SocketConnectionOptions();
        switch (expected[0])
        {
            case 'M':
                options.MaxConcurrentConnections = 0;
                break;
            case 'C':
                options.ConnectionsPerSecond = -1;
                break;
            case 'A':
                options.AddressPrefixLength = 0;
                break;
            default:
                options.WhenFull = (SocketWhenFull)7;
                break;
        }

        Assert.Equal($"Endpoint 'test': {expected}", Assert.Throws<InvalidOperationException>(() => options.Validate("test")).Message);
    }

    private bool TryEnter(GateRules rules, string address, out int ticket)
        => _gate.Decide(rules, Meter, IPAddress.Parse(address).GetAddressBytes(), out ticket) == GateDecision.Accept;
}
