using System.Net;
using KestrelSocketServer.Gate;

namespace KestrelSocketServer.Tests.Gate;

public sealed class AddressTableTests
{
    private static readonly Rate OnePerThousandTicks = new(Interval: 1000, Burst: 1);

    [Fact]
    [Trait("Row", "G2")]
    public void Connections_are_counted_by_address_and_an_address_without_any_is_forgotten()
    {
        var table = new AddressTable(capacity: 4);
        int first = table.Enter(Address(1), now: 0);
        int second = table.Enter(Address(2), now: 0);

        Assert.Equal(first, table.Enter(Address(1), now: 0));
        Assert.Equal(2, table.ConnectionsOf(first));
        Assert.Equal(1, table.ConnectionsOf(second));

        table.Leave(first, now: 0);
        Assert.Equal(1, table.ConnectionsOf(table.Find(Address(1))));
        table.Leave(first, now: 0);
        Assert.Equal(0, table.Find(Address(1)));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    [Trait("Row", "G3")]
    public void A_flood_from_a_million_addresses_takes_no_more_than_the_bound()
    {
        var table = new AddressTable(capacity: 1024);
        for (int i = 0; i < 1_000_000; i++)
        {
            Visit(table, Address(i), now: i);
            Assert.True(table.Count <= 1024);
        }

        Assert.Equal(1024, table.Size);
    }

    [Fact]
    [Trait("Row", "G3")]
    public void The_address_that_was_seen_last_longest_ago_gives_way()
    {
        var table = new AddressTable(capacity: 3);
        Visit(table, Address(1), now: 0);
        Visit(table, Address(2), now: 1);
        Visit(table, Address(3), now: 2);
        table.Touch(table.Find(Address(1)));

        Visit(table, Address(4), now: 3);

        Assert.Equal(0, table.Find(Address(2)));
        Assert.All([1, 3, 4], number => Assert.NotEqual(0, table.Find(Address(number))));
    }

    [Fact]
    [Trait("Row", "G3")]
    public void Addresses_whose_buckets_are_full_again_give_way_before_there_is_a_need()
    {
        var table = new AddressTable(capacity: 1000);
        for (int i = 0; i < 100; i++)
        {
            Visit(table, Address(i), now: 0);
        }

        Assert.Equal(100, table.Count);
        for (int i = 100; i < 200; i++)
        {
            Visit(table, Address(i), now: 2000);
        }

        Assert.Equal(100, table.Count);
    }

    [Fact]
    [Trait("Row", "G2")]
    public void Addresses_with_connections_never_give_way()
    {
        var table = new AddressTable(capacity: 16);
        int[] slots = [.. Enumerable.Range(0, 100).Select(number => table.Enter(Address(number), now: 0))];
        for (int i = 1000; i < 2000; i++)
        {
            Visit(table, Address(i), now: i);
        }

        Assert.Equal(100, table.Count);
        Assert.Equal(slots, Enumerable.Range(0, 100).Select(number => table.Find(Address(number))));
        Assert.All(slots, slot => Assert.Equal(1, table.ConnectionsOf(slot)));
        Assert.All(slots, slot => table.Leave(slot, now: 3000));
        Assert.Equal(0, table.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [Trait("Row", "G2")]
    [Trait("Row", "G3")]
    public void It_counts_as_a_dictionary_does_whatever_is_done(int seed)
    {
        var random = new Random(seed);
        var table = new AddressTable(capacity: 20);
        var open = new List<(AddressKey Address, int Slot)>();
        for (int step = 0; step < 20_000; step++)
        {
            if (open.Count < 60 && random.Next(2) == 0)
            {
                AddressKey address = Address(random.Next(80));
                int slot = table.Enter(address, step);
                table.BucketOf(slot).Take(OnePerThousandTicks, step);
                open.Add((address, slot));
            }
            else if (open.Count > 0)
            {
                int chosen = random.Next(open.Count);
                table.Leave(open[chosen].Slot, step);
                open.RemoveAt(chosen);
            }

            ILookup<AddressKey, int> expected = open.ToLookup(entry => entry.Address, entry => entry.Slot);
            foreach (IGrouping<AddressKey, int> entry in expected)
            {
                int slot = Assert.Single(entry.Distinct());
                Assert.Equal((slot, entry.Count()), (table.Find(entry.Key), table.ConnectionsOf(slot)));
            }

            Assert.InRange(table.Count, expected.Count, Math.Max(20, expected.Count));
        }
    }

    // A client that comes and goes at once.
    private static void Visit(AddressTable table, AddressKey address, long now)
    {
        int slot = table.Enter(address, now);
        table.BucketOf(slot).Take(OnePerThousandTicks, now);
        table.Leave(slot, now);
    }

    private static AddressKey Address(int number) => AddressKey.From(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]));
}
