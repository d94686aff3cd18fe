using CsCheck;
using KestrelSocketServer.Testing;

namespace KestrelSocketServer.FunctionalTests.Connections;

/// <summary>
/// Random interleavings of what a peer and an application do to a connection: the events always come in the order
/// data* end? error? close, and nothing is lost or reordered that nobody asked to drop.
/// </summary>
public abstract class EventOrderTests(TestTransport? transport, int runs)
{
    private static readonly Gen<ScriptStep[]> Scripts = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(ScriptStepKind.Send)),
            (6, Gen.Const(ScriptStepKind.Write)),
            (3, Gen.Const(ScriptStepKind.Pause)),
            (3, Gen.Const(ScriptStepKind.Resume)),
            (1, Gen.Const(ScriptStepKind.PeerEnd)),
            (1, Gen.Const(ScriptStepKind.PeerReset)),
            (1, Gen.Const(ScriptStepKind.End)),
            (1, Gen.Const(ScriptStepKind.Close)),
            (1, Gen.Const(ScriptStepKind.ThrowInData)),
            (1, Gen.Const(ScriptStepKind.ThrowInEnd)),
            (2, Gen.Const(ScriptStepKind.PauseInData)),
            (3, Gen.Const(ScriptStepKind.Yield))),
        Gen.Int[1, 4000],
        (kind, size) => new ScriptStep(kind, size)).Array[0, 14];

    [Fact]
    [Trait("Row", "C3")]
    [Trait("Row", "C4")]
    [Trait("Row", "C5")]
    [Trait("Row", "C6")]
    [Trait("Row", "C7")]
    [Trait("Row", "C8")]
    [Trait("Row", "C9")]
    [Trait("Row", "C18")]
    public async Task Events_come_in_order_and_nothing_is_lost()
    {
        EventScript? current = null;
        await using SocketServerFixture? server = transport is null
            ? null
            : await SocketServerFixture.StartAsync(connection => current!.Attach(connection), transport);

        await Scripts.SampleAsync(
            async steps =>
            {
                current = new EventScript(steps);
                await current.RunAsync(server is null
                    ? new MemoryScriptClient(InMemorySocketClient.Connect(current.Attach))
                    : new SocketScriptClient(await server.ConnectAsync()));
                return true;
            },
            iter: runs,
            threads: 1);
    }
}

public sealed class PlainEventOrderTests() : EventOrderTests(TestTransport.Plain, 400);

public sealed class TlsEventOrderTests() : EventOrderTests(TestTransport.Tls, 150);

public sealed class MemoryEventOrderTests() : EventOrderTests(null, 2000);
