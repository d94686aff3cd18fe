using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Diagnostics;

[Trait("Row", "D11")]
public sealed class MeterFaultTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_listener_of_the_meter_that_throws_reaches_no_connection_and_is_logged_once(bool isTls)
    {
        TestTransport transport = isTls ? TestTransport.Tls : TestTransport.Plain;
        await using SocketServerFixture server = await SocketServerFixture.StartAsync(connection => connection.Pipe(connection), transport);
        using MeterListener listener = ThrowOn(server.Host.Services.GetRequiredService<IMeterFactory>());

        for (int i = 0; i < 3; i++)
        {
            ISocketConnection connection;
            var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using (RawClient client = await server.ConnectAsync())
            {
                connection = await server.AcceptedAsync();
                connection.Closed += closed.SetResult;
                await client.SendAsync("there and back");
                Assert.Equal("there and back", await client.ReceiveTextAsync(14));
            }

            await closed.Task.Soon();
            Assert.Equal(SocketCloseReason.PeerEnded, connection.CloseReason);
        }

        await server.Host.StopAsync();
        Assert.Empty(server.Errors);
        Assert.Single(server.Host.Logs.GetSnapshot(), record => record.Id.Name == "MeasurementFault" && record.Level == LogLevel.Warning);
        Assert.DoesNotContain(server.Host.Logs.GetSnapshot(), record => record.Level >= LogLevel.Warning && record.Id.Name != "MeasurementFault");
    }

    // The listener hears all of the process: only this host's instruments are enabled.
    private static MeterListener ThrowOn(IMeterFactory meters)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "KestrelSocketServer" && ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => throw new InvalidOperationException("A fault of the listener."));
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => throw new InvalidOperationException("A fault of the listener."));
        listener.Start();
        return listener;
    }
}
