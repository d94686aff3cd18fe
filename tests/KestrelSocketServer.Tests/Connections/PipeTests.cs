namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "C20")]
public sealed class PipeTests
{
    private readonly FakeConnection _source = new();
    private readonly FakeConnection _destination = new();

    [Theory]
    [InlineData("source ends", true)]
    [InlineData("source ends", false)]
    [InlineData("source closes", true)]
    [InlineData("source closes", false)]
    [InlineData("destination closes", true)]
    [InlineData("destination closes", false)]
    public void A_pipe_that_is_over_leaves_no_subscription_and_no_pause_behind(string how, bool end)
    {
        _source.Pipe(_destination, end);
        _destination.IsFull = true;
        _source.Receive(1, 2);
        Assert.True(_source.IsPaused);

        Finish(how);

        Assert.Equal(0, _source.Subscriptions);
        Assert.Equal(0, _destination.Subscriptions);
        Assert.False(_source.IsPaused);
        Assert.Equal([1, 2], _destination.Written);
        Assert.Equal(end && how != "destination closes", _destination.HasEnded);
        Assert.Equal(end && how == "destination closes", _source.HasEnded);
    }

    [Theory]
    [InlineData("source ends", true)]
    [InlineData("source ends", false)]
    [InlineData("source closes", true)]
    [InlineData("source closes", false)]
    [InlineData("destination closes", true)]
    [InlineData("destination closes", false)]
    public void A_pipe_that_comes_too_late_is_over_at_once(string how, bool end)
    {
        Finish(how);

        Assert.Same(_destination, _source.Pipe(_destination, end));

        Assert.Equal(0, _source.Subscriptions);
        Assert.Equal(0, _destination.Subscriptions);
        Assert.False(_source.IsPaused);
        Assert.Equal(end && how != "destination closes", _destination.HasEnded);
        Assert.Equal(end && how == "destination closes", _source.HasEnded);
    }

    [Fact]
    public void A_destination_that_is_full_pauses_the_source_until_it_drains()
    {
        _source.Pipe(_destination);
        _source.Receive(1);
        Assert.False(_source.IsPaused);

        _destination.IsFull = true;
        _source.Receive(2);
        Assert.True(_source.IsPaused);

        _destination.Drain();
        Assert.False(_source.IsPaused);
        Assert.Equal([1, 2], _destination.Written);
    }

    [Fact]
    public void A_destination_that_has_ended_takes_nothing_from_the_source_before_it_is_closed()
    {
        _destination.End();

        _source.Pipe(_destination);

        Assert.True(_source.IsPaused);
        _destination.Close();
        Assert.True(_source.HasEnded);
    }

    [Fact]
    public void A_source_that_is_read_in_another_style_throws_and_nothing_is_left_behind()
    {
        var source = new FakeConnection { IsReadInAnotherStyle = true };

        Assert.Throws<InvalidOperationException>(() => source.Pipe(_destination));

        Assert.Equal(0, source.Subscriptions);
        Assert.Equal(0, _destination.Subscriptions);
    }

    [Fact]
    public void Two_pipes_to_one_destination_send_everything_twice()
    {
        _source.Pipe(_destination);
        _source.Pipe(_destination);

        _source.Receive(1, 2);

        Assert.Equal([1, 2, 1, 2], _destination.Written);
    }

    private void Finish(string how)
    {
        switch (how)
        {
            case "source ends":
                _source.EndOfPeer();
                break;
            case "source closes":
                _source.Close();
                break;
            default:
                _destination.Close();
                break;
        }
    }
}
