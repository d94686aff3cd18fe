using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelSocketServer.FunctionalTests.Servers;

public sealed class BindFailureTests
{
    [Fact]
    [Trait("Row", "A13")]
    public async Task A_port_in_use_fails_the_start_and_nothing_stays_bound()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        using var other = new ReservedPort();
        using var http = new ReservedPort();

        IOException exception = await Assert.ThrowsAsync<IOException>(() => TestHost.StartWebAsync(
            server => server.Listen("first", other.ToString(), Echo).Listen("second", taken.LocalEndPoint!.ToString()!, Echo),
            builder => builder.WebHost.UseUrls($"http://{http}")));

        Assert.Equal($"Endpoint 'second' cannot listen on tcp://{taken.LocalEndPoint}: the address is already in use.", exception.Message);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.IsType<SocketException>(exception.InnerException).SocketErrorCode);
        await Tcp.AssertRefusedAsync(other.EndPoint);
        await Tcp.AssertRefusedAsync(http.EndPoint);
    }

    [Fact]
    [Trait("Row", "A13")]
    [Trait("Row", "H1")]
    public async Task HTTP_that_cannot_listen_takes_the_endpoints_with_it()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        using var socket = new ReservedPort();
        await Assert.ThrowsAsync<IOException>(() => TestHost.StartWebAsync(
            server => server.Listen("echo", socket.ToString(), Echo), builder => builder.WebHost.UseUrls($"http://{taken.LocalEndPoint}")));
        await Tcp.AssertRefusedAsync(socket.EndPoint);
    }

    [Theory]
    [InlineData("192.0.2.1:8080", "tcp://192.0.2.1:8080", "the address does not belong to this host.")]
    [InlineData("[2001:db8::1]:8080", "tcp://[2001:db8::1]:8080", "the address does not belong to this host.")]
    [Trait("Row", "A13")]
    public async Task An_address_of_another_host(string address, string full, string reason)
    {
        IOException exception = await Assert.ThrowsAsync<IOException>(() => TestHost.StartAsync(server => server.Listen("far", address, Echo)));
        Assert.Equal($"Endpoint 'far' cannot listen on {full}: {reason}", exception.Message);
        Assert.IsType<SocketException>(exception.InnerException);
    }

    [Fact]
    [Trait("Row", "A13")]
    public async Task A_unix_socket_in_a_folder_that_does_not_exist()
    {
        IOException exception = await Assert.ThrowsAsync<IOException>(
            () => TestHost.StartAsync(server => server.Listen("local", "unix:///does/not/exist.sock", Echo)));
        Assert.StartsWith("Endpoint 'local' cannot listen on unix:///does/not/exist.sock: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "A13")]
    public async Task A_descriptor_that_is_no_socket()
    {
        using FileStream file = File.OpenRead("/dev/null");
        string address = $"fd://{file.SafeFileHandle.DangerousGetHandle()}";
        IOException exception = await Assert.ThrowsAsync<IOException>(() => TestHost.StartAsync(server => server.Listen("handed", address, Echo)));
        Assert.StartsWith($"Endpoint 'handed' cannot listen on {address}: ", exception.Message, StringComparison.Ordinal);

        // It stays open for whom it belongs to: /dev/null, which is empty.
        Assert.Equal(0, file.Read(new byte[1]));
    }

    [Fact]
    [Trait("Row", "A13")]
    public async Task At_run_time_the_others_go_on()
    {
        await using TestHost host = await TestHost.StartAsync(server => server.Listen("first", 0, Echo));
        string address = host.Server("first").Address!;
        IOException exception = await Assert.ThrowsAsync<IOException>(() => host.Servers.ListenAsync("second", address, Echo));
        Assert.Equal($"Endpoint 'second' cannot listen on tcp://{address}: the address is already in use.", exception.Message);
        using RawClient client = await RawClient.ConnectAsync(address);
        await client.SendAsync("x");
        Assert.Equal("x", await client.ReceiveTextAsync(1));
    }

    private static void Echo(ListenOptions listen) => listen.UseSocketHandler(connection => connection.Pipe(connection));
}
