using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "D3")]
public sealed class CloseCauseTests
{
    [Theory]
    [InlineData(SocketCloseReason.PeerEnded, SocketCloseReason.LocalEnd, SocketCloseReason.PeerEnded)]
    [InlineData(SocketCloseReason.LocalEnd, SocketCloseReason.PeerEnded, SocketCloseReason.LocalEnd)]
    [InlineData(SocketCloseReason.PeerEnded, SocketCloseReason.PeerReset, SocketCloseReason.PeerReset)]
    [InlineData(SocketCloseReason.PeerReset, SocketCloseReason.PeerEnded, SocketCloseReason.PeerReset)]
    [InlineData(SocketCloseReason.Idle, SocketCloseReason.PeerReset, SocketCloseReason.Idle)]
    public void The_first_failure_prevails_over_the_first_end(SocketCloseReason first, SocketCloseReason second, SocketCloseReason expected)
    {
        var cause = default(CloseCause);
        cause.Add(first);
        cause.Add(second);

        Assert.Null(cause.Final);
        Assert.Equal(expected, cause.Settle());
        Assert.Equal(expected, cause.Final);
    }

    [Fact]
    public void Without_any_reason_it_was_this_side_that_ended_it()
    {
        var cause = default(CloseCause);

        Assert.Equal(SocketCloseReason.LocalEnd, cause.Settle());
    }

    [Fact]
    public void Once_it_is_settled_nothing_changes_it()
    {
        var cause = default(CloseCause);
        cause.Settle();
        cause.Add(SocketCloseReason.PeerReset);

        Assert.Equal(SocketCloseReason.LocalEnd, cause.Final);
    }

    [Fact]
    public void Of_several_faults_the_first_is_the_error()
    {
        var cause = default(CloseCause);
        var first = new InvalidTimeZoneException();
        cause.AddFault(first);
        cause.AddFault(new TimeoutException());

        Assert.Same(first, cause.Fault);
    }
}
