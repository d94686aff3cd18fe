using KestrelSocketServer.Gate;

namespace KestrelSocketServer.Tests.Gate;

[Trait("Row", "G4")]
public sealed class HandshakeGateTests
{
    [Fact]
    public async Task Those_beyond_the_limit_have_their_turns_in_order()
    {
        var gate = new HandshakeGate();
        gate.SetLimit(1);
        Assert.True(gate.EnterAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
        Task first = gate.EnterAsync(CancellationToken.None).AsTask();
        Task second = gate.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(first.IsCompleted);

        gate.Leave();
        await first.Soon();
        Assert.False(second.IsCompleted);
        gate.Leave();
        await second.Soon();
    }

    [Fact]
    public async Task Whoever_gives_up_has_no_turn()
    {
        var gate = new HandshakeGate();
        gate.SetLimit(1);
        await gate.EnterAsync(CancellationToken.None);
        using var givesUp = new CancellationTokenSource();
        Task first = gate.EnterAsync(givesUp.Token).AsTask();
        Task second = gate.EnterAsync(CancellationToken.None).AsTask();

        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Soon());
        gate.Leave();
        await second.Soon();
        gate.Leave();
        Assert.True(gate.EnterAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Whoever_has_given_up_before_has_no_turn()
    {
        var gate = new HandshakeGate();
        gate.SetLimit(1);
        await gate.EnterAsync(CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gate.EnterAsync(new CancellationToken(canceled: true)).AsTask().Soon());
        gate.Leave();
        Assert.True(gate.EnterAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    [Trait("Row", "G8")]
    public async Task A_raised_limit_lets_those_that_wait_in_and_a_lowered_one_waits_for_those_that_are()
    {
        var gate = new HandshakeGate();
        gate.SetLimit(1);
        await gate.EnterAsync(CancellationToken.None);
        Task[] waiting = [.. Enumerable.Range(0, 3).Select(_ => gate.EnterAsync(CancellationToken.None).AsTask())];

        gate.SetLimit(3);
        await Task.WhenAll(waiting[..2]).Soon();
        Assert.False(waiting[2].IsCompleted);

        gate.SetLimit(1);
        gate.Leave();
        gate.Leave();
        Assert.False(waiting[2].IsCompleted);
        gate.Leave();
        await waiting[2].Soon();
    }
}
