using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.FunctionalTests.Tls;

public sealed class TlsConnectionTests
{
    [Fact]
    [Trait("Row", "L1")]
    [Trait("Row", "T6")]
    public async Task A_connection_is_there_when_its_handshake_is_complete_not_before()
    {
        await using TlsServer server = await StartAsync();
        using Socket socket = await server.ConnectTcpAsync();
        await server.AssertServesAsync();
        Assert.DoesNotContain(server.Server.Connections, connection => connection.RemoteEndPoint!.Equals(socket.LocalEndPoint));
        await using var client = new SslStream(new NetworkStream(socket));
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
        }).Soon();
        ISocketConnection connection = await server.ConnectionAsync();
        Assert.Equal(socket.LocalEndPoint!.ToString(), connection.RemoteAddress);
        server.AssertNothingHappened();
    }

    [Fact]
    [Trait("Row", "T7")]
    [Trait("Row", "C24")]
    public async Task Large_data_arrives_whole_both_ways()
    {
        const int size = 64 * 1024 * 1024;
        await using TlsServer server = await StartAsync();
        await using TlsClient client = await server.ConnectAsync();
        byte[] sent = new byte[1024 * 1024];
        Random.Shared.NextBytes(sent);
        Task sending = Task.Run(async () =>
        {
            for (int done = 0; done < size; done += sent.Length)
            {
                await client.WriteAsync(sent);
            }
        });
        byte[] received = new byte[sent.Length];
        for (int done = 0; done < size; done += sent.Length)
        {
            await client.ReadExactlyAsync(received).Soon();
            Assert.True(sent.AsSpan().SequenceEqual(received));
        }

        await sending.Soon();
        await client.ShutdownAsync().Soon();
        Assert.Equal(0, await client.ReadAsync(received).Soon());
    }

    [Fact]
    [Trait("Row", "T8")]
    public async Task Data_behind_the_clients_finished_in_the_same_segment_arrives()
    {
        await using TlsServer server = await StartAsync();
        using Socket socket = await server.ConnectTcpAsync();
        await using var held = new HoldingStream(new NetworkStream(socket));
        await using var client = new SslStream(held);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            CertificateChainPolicy = TlsServer.Trusting(TestPki.Default.Authority),
            EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls13,
        };
        await client.AuthenticateAsClientAsync(options).Soon();
        await client.WriteAsync("ping"u8.ToArray()).Soon();
        await held.ReleaseAsync();
        byte[] received = new byte[4];
        await client.ReadExactlyAsync(received).Soon();
        Assert.Equal("ping"u8.ToArray(), received);
    }

    [Fact]
    [Trait("Row", "C4")]
    [Trait("Row", "T7")]
    public async Task A_peer_that_says_goodbye_has_ended()
    {
        (TlsServer server, TlsClient client, EventRecorder recorder) = await RecordAsync();
        await using (server)
        {
            await client.ShutdownAsync().Soon();
            await recorder.Closed;
            Assert.Equal(["end", "close"], recorder.Events);
            Assert.False(recorder.Connection.Tls!.IsTruncated);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "C4")]
    [Trait("Row", "T7")]
    public async Task A_peer_that_drops_TCP_is_truncated(bool strict)
    {
        (TlsServer server, TlsClient client, EventRecorder recorder) = await RecordAsync(strict);
        await using (server)
        {
            await client.WriteAsync("cut"u8.ToArray()).Soon();
            await recorder.ReceivedAsync(3);
            await client.DisposeAsync();
            await recorder.Closed;
            Assert.Equal(["data", strict ? "error" : "end", "close"], recorder.Events);
            Assert.True(recorder.Connection.Tls!.IsTruncated);
            if (strict)
            {
                Assert.Contains("close_notify", Assert.IsType<IOException>(await recorder.Error).Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "H7")]
    [Trait("Row", "T7")]
    public async Task A_reader_sees_truncation_too_where_goodbye_is_required(bool goodbye)
    {
        var read = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TlsServer server = await new TlsServer().StartAsync(
            listen => listen.UseHttps(TlsCertificate.From(TestPki.Default.Issue("localhost")), static tls => tls.RequireCloseNotify = true),
            async connection => read.SetResult(await Record.ExceptionAsync(async () =>
            {
                await foreach (ReadOnlyMemory<byte> chunk in connection.ReadAllAsync())
                {
                    connection.Write(chunk.Span);
                }
            })));
        await using TlsClient client = await server.ConnectAsync();
        await TlsServer.AssertEchoAsync(client);
        if (goodbye)
        {
            await client.ShutdownAsync().Soon();
        }

        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(goodbye, await read.Task.Soon() is null);
    }

    [Fact]
    [Trait("Row", "C14")]
    [Trait("Row", "T7")]
    public async Task End_says_goodbye()
    {
        await using TlsServer server = await StartAsync(static connection => connection.End("bye"));
        string output = await OpenSsl.RunAsync("", "s_client", "-connect", server.Address, "-servername", "localhost", "-msg", "-ign_eof");
        Assert.Contains("bye", output, StringComparison.Ordinal);
        Assert.Contains("close_notify", output[output.IndexOf("<<< ", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.Contains("closed", output, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected eof", output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Row", "C15")]
    [Trait("Row", "T7")]
    public async Task A_large_answer_arrives_whole_while_the_peer_is_still_sending()
    {
        byte[] answer = RandomNumberGenerator.GetBytes(4 * 1024 * 1024);
        await using TlsServer server = await StartAsync(connection => connection.Data += _ => connection.End(answer));
        await using TlsClient client = await server.ConnectAsync();
        using var stop = new CancellationTokenSource();
        Task sending = SendUntilAsync(client, stop.Token);

        using var received = new MemoryStream();
        await client.CopyToAsync(received).Soon();
        Assert.True(answer.AsSpan().SequenceEqual(received.ToArray()));
        await stop.CancelAsync();
        await sending.Soon();
    }

    [Fact]
    [Trait("Row", "C15")]
    [Trait("Row", "T7")]
    public async Task A_large_answer_arrives_whole_at_OpenSSL_while_it_is_still_sending()
    {
        byte[] answer = new byte[2 * 1024 * 1024];
        Array.Fill(answer, (byte)'#');
        await using TlsServer server = await StartAsync(connection => connection.Data += _ => connection.End(answer));
        string output = await OpenSsl.RunAsync(
            string.Concat(Enumerable.Repeat(new string('y', 99) + "\n", 2000)), "s_client", "-connect", server.Address, "-servername", "localhost", "-quiet", "-ign_eof");
        Assert.Equal(answer.Length, output.Count(static letter => letter == '#'));
    }

    [Fact]
    [Trait("Row", "C18")]
    [Trait("Row", "T7")]
    public async Task A_reset_is_seen_at_once_while_paused()
    {
        await using TlsServer server = await StartAsync(static _ => { });
        await using TlsClient client = await server.ConnectAsync();
        ISocketConnection connection = await server.ConnectionAsync();
        var recorder = new EventRecorder(connection);
        connection.Data += _ => connection.Pause();
        await client.WriteAsync("pause"u8.ToArray()).Soon();
        await recorder.ReceivedAsync(5);
        client.Reset();
        await recorder.Closed;
        Assert.Equal("close", recorder.Events[^1]);
        Assert.DoesNotContain("end", recorder.Events);
    }

    [Fact]
    [Trait("Row", "C18")]
    [Trait("Row", "T7")]
    public async Task A_goodbye_is_seen_only_after_resume()
    {
        await using TlsServer server = await StartAsync(static _ => { });
        await using TlsClient client = await server.ConnectAsync();
        ISocketConnection connection = await server.ConnectionAsync();
        var recorder = new EventRecorder(connection);
        bool paused = false;
        connection.Data += _ =>
        {
            if (!paused)
            {
                paused = true;
                connection.Pause();
            }
        };
        await client.WriteAsync("pause"u8.ToArray()).Soon();
        await recorder.ReceivedAsync(5);
        await client.WriteAsync("more"u8.ToArray()).Soon();
        await client.ShutdownAsync().Soon();
        client.Socket.Shutdown(SocketShutdown.Send);
        await using TlsClient other = await server.ConnectAsync();
        await server.ConnectionAsync();
        Assert.Equal(["data"], recorder.Events);
        connection.Resume();
        await recorder.ReceivedAsync(9);
        await recorder.Closed;
        Assert.Equal(["data", "end", "close"], recorder.Events);
        Assert.False(connection.Tls!.IsTruncated);
    }

    [Fact]
    [Trait("Row", "T10")]
    public async Task A_plain_connection_has_no_TLS()
    {
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(static _ => { });
        using RawClient client = await server.ConnectAsync();
        Assert.Null((await server.AcceptedAsync()).Tls);
    }

    [Fact]
    [Trait("Row", "T10")]
    [Trait("Row", "L7")]
    public async Task Close_passes_through()
    {
        await using TlsServer server = await StartAsync();
        Assert.StartsWith("127.0.0.1:", server.Address, StringComparison.Ordinal);
        await using TlsClient client = await server.ConnectAsync();
        string address = server.Address;
        await server.Server.CloseAsync();
        Assert.Null(server.Server.Address);
        await TlsServer.AssertEchoAsync(client);
        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(System.Net.IPEndPoint.Parse(address)));
    }

    private static async Task<TlsServer> StartAsync(Action<ISocketConnection>? onConnection = null, bool strict = false)
        => await new TlsServer().StartAsync(
            listen => listen.UseHttps(TlsCertificate.From(TestPki.Default.Issue("localhost")), tls => tls.RequireCloseNotify = strict), onConnection);

    private static async Task<(TlsServer, TlsClient, EventRecorder)> RecordAsync(bool strict = false)
    {
        var recorder = new TaskCompletionSource<EventRecorder>(TaskCreationOptions.RunContinuationsAsynchronously);
        TlsServer server = await StartAsync(connection => recorder.SetResult(new EventRecorder(connection)), strict);
        TlsClient client = await server.ConnectAsync();
        return (server, client, await recorder.Task.Soon());
    }

    private static async Task SendUntilAsync(SslStream client, CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await client.WriteAsync(new byte[16 * 1024], stop);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The server has closed, which it may while the client is still sending.
        }
    }
}
