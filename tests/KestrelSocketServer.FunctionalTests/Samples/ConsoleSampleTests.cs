using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Samples;

/// <summary>What holds for every console sample.</summary>
[Trait("Row", "X1")]
[Trait("Row", "X2")]
[Trait("Row", "X3")]
[Trait("Row", "X4")]
public sealed class ConsoleSampleTests
{
    public static TheoryData<string> Names => new("Hello", "Echo", "Chat", "Throughput");

    public static TheoryData<string, string> NamesAndSignals
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in Names)
            {
                data.Add(name, "INT");
                data.Add(name, "TERM");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(NamesAndSignals))]
    [Trait("Row", "H4")]
    public async Task It_stops_in_order_on_a_signal_even_with_an_idle_client(string name, string signal)
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync(name);
        await using SampleProcess _ = sample;
        using var client = new TcpClient();
        await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);

        await sample.SignalAsync(signal);

        Assert.Equal(0, (await sample.WaitForExitAsync()).ExitCode);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task It_listens_on_a_free_port_of_this_host_by_default(string name)
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync(name);
        await using SampleProcess _ = sample;

        Assert.Equal(IPAddress.Loopback, address.Address);
        Assert.NotEqual(0, address.Port);
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Row", "A4")]
    public async Task It_listens_on_the_address_of_its_first_argument(string name)
    {
        (SampleProcess sample, IPEndPoint address) = await SampleProcess.StartListeningAsync(name, "tcp://[::1]:0");
        await using SampleProcess _ = sample;

        Assert.Equal(IPAddress.IPv6Loopback, address.Address);
        using var client = new TcpClient(AddressFamily.InterNetworkV6);
        await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Row", "A8")]
    [Trait("Row", "H5")]
    public async Task A_bad_address_is_told_in_one_line(string name)
    {
        await using SampleProcess sample = SampleProcess.Start(name, "localhost:8007");

        (int exitCode, string output, string errors) = await sample.WaitForExitAsync();

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        string message = Assert.Single(errors.TrimEnd().Split('\n'));
        Assert.Contains($"'{name}'", message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("'localhost:8007' is a host name", message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Row", "A13")]
    [Trait("Row", "H5")]
    public async Task An_address_in_use_is_told_in_one_line(string name)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await using SampleProcess sample = SampleProcess.Start(name, other.LocalEndpoint.ToString()!);

        (int exitCode, string output, string errors) = await sample.WaitForExitAsync();

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains($"tcp://{other.LocalEndpoint}", Assert.Single(errors.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }
}
