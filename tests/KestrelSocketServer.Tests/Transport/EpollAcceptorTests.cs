using System.Net;
using System.Net.Sockets;
using KestrelSocketServer.Transport;
using KestrelSocketServer.Transport.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelSocketServer.Tests.Transport;

public sealed class EpollAcceptorTests
{
    // What held its loop for too long runs without it for a while, and the system is not asked about it meanwhile.
    [Fact]
    [Trait("Row", "L5")]
    [Trait("Row", "G1")]
    public async Task An_acceptor_that_runs_without_its_loop_goes_on_after_a_client_that_it_does_not_take()
    {
        using var group = new EventLoopGroup(new SocketServerTransportOptions { EventLoopCount = 1 }, handlerThreads: null, NullLogger.Instance);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var gate = new RefuseFirst();
        using var acceptor = new EpollAcceptor(group[0], listener, new DescriptorReserve(), gate, (descriptor, _, _) =>
        {
            descriptor.Dispose();
            throw new InvalidTimeZoneException("Taken.");
        });
        acceptor.PutOnProbation();
        Task<TransportConnection> accept = acceptor.AcceptAsync(CancellationToken.None).AsTask();

        using var refused = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        // Whether it sees that it is connected before it sees the reset is a matter of luck.
        await Task.WhenAny(refused.ConnectAsync(listener.LocalEndPoint!)).Soon();
        await gate.Refused.Task.Soon();
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await taken.ConnectAsync(listener.LocalEndPoint!).Soon();

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => accept.Soon());
    }

    private sealed class RefuseFirst : IAcceptGate
    {
        public TaskCompletionSource Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public byte[] Goodbye => [];

        public GateDecision Decide(ReadOnlySpan<byte> address, out int ticket)
        {
            ticket = 0;
            return Refused.TrySetResult() ? GateDecision.Refuse : GateDecision.Accept;
        }

        public void Release(int ticket)
        {
        }
    }
}
