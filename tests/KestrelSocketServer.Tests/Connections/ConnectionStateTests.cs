using CsCheck;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Tests.Connections;

public sealed class ConnectionStateTests
{
    private static readonly Action<StateHolder>[] Steps =
    [
        static holder => holder.State.StopReading(),
        static holder => holder.State.OnPeerEnded(),
        static holder => holder.State.EndWriting(),
        static holder => holder.State.OnFlushed(),
        static holder => holder.State.OnWriteFailed(),
        static holder => holder.State.Close(),
    ];

    [Fact]
    [Trait("Row", "C17")]
    public void A_new_connection_is_open_both_ways()
    {
        var state = default(ConnectionState);

        Assert.Equal((ReadState.Open, WriteState.Open), (state.Read, state.Write));
        Assert.False(state.HasPeerEnded || state.IsReadingStopped || state.IsClosed);
    }

    [Fact]
    [Trait("Row", "C4")]
    public void The_peers_end_and_the_stop_of_reading_come_to_the_same_in_either_order()
    {
        var first = default(ConnectionState);
        first.OnPeerEnded();
        Assert.Equal(ReadState.PeerEnded, first.Read);
        Assert.True(first.StopReading());

        var second = default(ConnectionState);
        Assert.True(second.StopReading());
        Assert.False(second.StopReading());
        Assert.Equal(ReadState.Stopped, second.Read);
        second.OnPeerEnded();

        Assert.Equal((ReadState.Over, ReadState.Over), (first.Read, second.Read));
    }

    [Fact]
    [Trait("Row", "C15")]
    public void Writing_ends_once_and_is_flushed_after_that()
    {
        var state = default(ConnectionState);

        Assert.True(state.EndWriting());
        Assert.False(state.EndWriting());
        Assert.Equal(WriteState.Ending, state.Write);
        state.OnFlushed();
        Assert.Equal(WriteState.Flushed, state.Write);
        state.OnWriteFailed();
        Assert.Equal(WriteState.Flushed, state.Write);
    }

    [Fact]
    [Trait("Row", "C17")]
    public void A_close_prevails_over_all_and_counts_once()
    {
        var state = default(ConnectionState);
        state.EndWriting();

        Assert.True(state.Close());
        Assert.False(state.Close());

        Assert.True(state.IsClosed);
        Assert.True(state.IsReadingStopped);
        Assert.False(state.EndWriting());
        state.OnFlushed();
        Assert.Equal(WriteState.Aborted, state.Write);
    }

    [Fact]
    [Trait("Row", "C17")]
    public void No_step_goes_back_whatever_their_order() => Gen.Int[0, Steps.Length - 1].Array[1, 12].Sample(steps =>
    {
        var holder = new StateHolder();
        foreach (int step in steps)
        {
            ConnectionState before = holder.State;
            Steps[step](holder);
            Assert.True(holder.State.Write >= before.Write);
            Assert.True(!before.HasPeerEnded || holder.State.HasPeerEnded);
            Assert.True(!before.IsReadingStopped || holder.State.IsReadingStopped);
        }
    });

    private sealed class StateHolder
    {
        public ConnectionState State;
    }
}
