using CsCheck;
using KestrelSocketServer.Transport.EventLoops;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer.Tests.Transport;

[Trait("Row", "C25")]
public sealed class LoopItemTableTests
{
    [Fact]
    public void A_token_finds_its_item_until_that_is_removed_and_nothing_after() => Gen.Int[0, 2].Array[0, 300].Sample(
        steps =>
        {
            var table = new LoopItemTable();
            var there = new List<Item>();
            var gone = new HashSet<long>();
            foreach (int step in steps)
            {
                if (step > 0)
                {
                    var item = new Item();
                    table.Add(item);
                    Assert.NotEqual(0, item.Token);
                    Assert.DoesNotContain(item.Token, gone);
                    there.Add(item);
                }
                else if (there.Count > 0)
                {
                    Item item = there[there.Count / 2];
                    there.Remove(item);
                    table.Remove(item.Token);
                    gone.Add(item.Token);
                }
            }

            Assert.All(there, item => Assert.Same(item, table.Find(item.Token)));
            Assert.All(gone, token => Assert.Null(table.Find(token)));
        },
        iter: 200);

    private sealed class Item() : LoopItem(null!, new SafeFileHandle())
    {
        public override void OnReady(Readiness readiness)
        {
        }
    }
}
