using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace KestrelSocketServer.FunctionalTests.Configuration;

public sealed class ConfiguredLimitTests
{
    [Fact]
    [Trait("Row", "K2")]
    [Trait("Row", "G16")]
    public async Task Mistakes_are_told_with_their_keys_values_and_what_is_allowed()
    {
        var settings = new
        {
            SocketServer = new
            {
                Limits = new { MaxUnsentBytes = 0 },
                EndpointDefaults = new { Limits = new { MaxConnectionAgeJitter = 2, MaxConnectionAgeGrace = "later" }, Socket = new { UserTimeout = "0" } },
                Endpoints = new { Echo = new { Url = "127.0.0.1:0", Limits = new { FirstByteTimeout = "0", ReadTimeout = "soon", WriteTimeout = "-1", HalfClosedTimeout = "x", MaxConnectionAge = "y" } } },
            },
        };

        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(
            () => ConfiguredApp.StartAsync(settings, builder => builder.Services.AddSocketServer()));

        const string Time = "write a time of at least 00:00:00.0010000, as hours:minutes:seconds";
        Assert.Equal(
            [
                "SocketServer:EndpointDefaults:Limits:MaxConnectionAgeGrace: 'later' is not allowed; write a time of at least 00:00:00, as hours:minutes:seconds",
                "SocketServer:EndpointDefaults:Limits:MaxConnectionAgeJitter: '2' is not allowed; write a share from 0 to 1, such as 0.1",
                $"SocketServer:EndpointDefaults:Socket:UserTimeout: '0' is not allowed; {Time}",
                $"SocketServer:Endpoints:Echo:Limits:FirstByteTimeout: '0' is not allowed; {Time}",
                $"SocketServer:Endpoints:Echo:Limits:HalfClosedTimeout: 'x' is not allowed; {Time}",
                $"SocketServer:Endpoints:Echo:Limits:MaxConnectionAge: 'y' is not allowed; {Time}",
                $"SocketServer:Endpoints:Echo:Limits:ReadTimeout: 'soon' is not allowed; {Time}",
                $"SocketServer:Endpoints:Echo:Limits:WriteTimeout: '-1' is not allowed; {Time}",
                "SocketServer:Limits:MaxUnsentBytes: '0' is not allowed; write a whole number from 1 to 9223372036854775807",
            ],
            exception.Failures.Order());
    }

    [Fact]
    [Trait("Row", "K2")]
    [Trait("Row", "G9")]
    public async Task A_bound_of_code_that_is_not_allowed_fails_the_start()
    {
        OptionsValidationException exception = await Assert.ThrowsAsync<OptionsValidationException>(() => ConfiguredApp.StartAsync(
            new { }, builder => builder.Services.AddSocketServer(server => server.Limits.MaxUnsentBytes = -1)));

        Assert.Equal(["Limits:MaxUnsentBytes: '-1' is not allowed; write 1 or more, or leave it out"], exception.Failures);
    }

    [Fact]
    [Trait("Row", "K4")]
    [Trait("Row", "G11")]
    public async Task A_time_out_changes_for_new_connections_while_the_endpoint_listens()
    {
        var time = new FakeTimeProvider();
        var reason = new TaskCompletionSource<SocketCloseReason?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            Settings(new { }),
            builder =>
            {
                builder.Services.AddSingleton<TimeProvider>(time);
                builder.Services.AddSocketServer(server => server.Endpoint("A").UseSocketHandler(connection =>
                {
                    connection.Closed += () => reason.TrySetResult(connection.CloseReason);
                    connection.Data += chunk => connection.Write(chunk);
                }));
            });
        using TcpClient before = await app.ConnectAsync("A");
        Assert.Equal("old", await ConfiguredApp.AskAsync(before, "old"));
        await ApplyAsync(app, Settings(new { ReadTimeout = "00:01:00" }), time);
        using TcpClient after = await app.ConnectAsync("A");
        Assert.Equal("new", await ConfiguredApp.AskAsync(after, "new"));

        while (!reason.Task.IsCompleted)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        Assert.Equal(SocketCloseReason.ReadTimeout, await reason.Task);
        Assert.Equal("still there", await ConfiguredApp.AskAsync(before, "still there"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Row", "K4")]
    [Trait("Row", "G9")]
    public async Task The_bound_on_memory_changes_while_the_endpoints_listen_unless_code_has_set_it(bool inCode)
    {
        const int Size = 8_000_000;
        var closed = new TaskCompletionSource<SocketCloseReason?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ConfiguredApp app = await ConfiguredApp.StartAsync(
            Settings(new { }),
            builder => builder.Services.AddSocketServer(server =>
            {
                if (inCode)
                {
                    server.Limits.MaxUnsentBytes = 100 * Size;
                }

                server.Endpoint("A").UseSocketHandler(connection =>
                {
                    connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 16_384;
                    connection.Closed += () => closed.TrySetResult(connection.CloseReason);
                    connection.Data += _ => connection.End(new byte[Size]);
                });
            }));
        Assert.Equal(Size, await AskAsync());
        Assert.Equal(SocketCloseReason.LocalEnd, await closed.Task.Soon());
        closed = new TaskCompletionSource<SocketCloseReason?>(TaskCreationOptions.RunContinuationsAsynchronously);

        await ApplyAsync(app, Settings(new { }, new { MaxUnsentBytes = Size / 4 }));

        Assert.InRange(await AskAsync(), inCode ? Size : 0, inCode ? Size : Size - 1);
        Assert.Equal(inCode ? SocketCloseReason.LocalEnd : SocketCloseReason.Limit, await closed.Task.Soon());

        async Task<long> AskAsync()
        {
            using var client = new TcpClient { ReceiveBufferSize = 16_384 };
            await client.ConnectAsync(System.Net.IPEndPoint.Parse(app.AddressOf("A")!)).Soon();
            await client.GetStream().WriteAsync(new byte[1]);
            byte[] buffer = new byte[100_000];
            long received = 0;
            try
            {
                int count;
                while ((count = await client.GetStream().ReadAsync(buffer).Soon()) > 0)
                {
                    received += count;
                }
            }
            catch (IOException)
            {
                // It was reset.
            }

            return received;
        }
    }

    private static object Settings(object limits, object? ofServer = null)
        => new { SocketServer = new { Limits = ofServer ?? new { }, Endpoints = new { A = new { Url = "127.0.0.1:0", Limits = limits } } } };

    private static async Task ApplyAsync(ConfiguredApp app, object settings, FakeTimeProvider? time = null)
    {
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Servers.Reloaded += () => applied.TrySetResult();
        app.Write(settings);
        while (time is not null && !applied.Task.IsCompleted)
        {
            // What waits for the file to be complete waits in that time too.
            time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }

        await applied.Task.Soon();
    }
}
