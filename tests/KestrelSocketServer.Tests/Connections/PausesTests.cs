using CsCheck;
using KestrelSocketServer.Connections;

namespace KestrelSocketServer.Tests.Connections;

[Trait("Row", "C18")]
public sealed class PausesTests
{
    [Fact]
    public void The_application_pauses_once_however_often_it_says_so()
    {
        var pauses = default(Pauses);
        pauses.Pause();
        pauses.Pause();

        Assert.True(pauses.Any);
        Assert.True(pauses.Resume());
        Assert.False(pauses.Any);
        Assert.False(pauses.Resume());
    }

    [Fact]
    public void It_goes_on_when_the_last_of_pause_and_destinations_lets_it() => Gen.Int[0, 3].Array[0, 20].Sample(steps =>
    {
        var pauses = default(Pauses);
        (bool paused, int held) = (false, 0);
        foreach (int step in steps)
        {
            switch (step)
            {
                case 0:
                    pauses.Pause();
                    paused = true;
                    break;
                case 1:
                    Assert.Equal(paused && held == 0, pauses.Resume());
                    paused = false;
                    break;
                case 2:
                    pauses.Hold();
                    held++;
                    break;
                case 3 when held > 0:
                    held--;
                    Assert.Equal(!paused && held == 0, pauses.Release());
                    break;
            }

            Assert.Equal(paused || held > 0, pauses.Any);
        }
    });
}
