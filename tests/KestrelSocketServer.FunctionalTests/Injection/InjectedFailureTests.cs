using System.Globalization;
using System.Net;
using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.Injection;

/// <summary>
/// One failing call after the other, in a running host. What each call of the library's own means is said where it is declared; the rows
/// for the driver <c>Socket</c> inject into .NET's.
/// </summary>
public sealed class InjectedFailureTests
{
    private const int Rounds = 5;
    private static readonly string[] Eventfd = ["-P", "anon_inode:[eventfd]"];
    private static readonly byte[] Large = new byte[300_000];

    public static TheoryData<string, string, bool, string?> Injections => new()
    {
        // What is tried again, so that nobody notices.
        { "EventLoop", "eventfd write:error=EINTR:when=1", false, null },
        { "EventLoop", "eventfd write:error=EIO:when=1", false, null },
        { "EventLoop", "eventfd write:error=EAGAIN:when=1+4", false, null },
        { "EventLoop", "eventfd read:error=EINTR:when=1", false, null },
        { "EventLoop", "eventfd read:error=EIO:when=2", false, null },
        { "EventLoop", "accept4,epoll_wait,recvfrom,sendto,sendmsg:error=EINTR:when=2+3", false, null },
        { "EventLoop", "recvfrom,sendto,sendmsg:error=EAGAIN:when=1+3", false, null },
        { "EventLoop", "accept4:error=ECONNABORTED:when=1+2", false, null },
        { "EventLoop", "accept4:error=EMFILE:when=2", false, "Too many open files (EMFILE)" },
        { "EventLoop", "accept4:error=ENOMEM:when=2", false, "Cannot allocate memory (ENOMEM)" },
        { "EventLoop", "accept4:error=EPROTO:when=2", false, "Protocol error (EPROTO)" },
        { "EventLoop", "getsockname:error=ENOBUFS:when=2", false, null },
        { "EventLoop", "close:error=EIO:when=2", false, null },
        { "EventLoop", "shutdown:error=ENOTCONN:when=1", false, null },

        // What fails is one connection's, and told to that.
        { "EventLoop", "shutdown:error=ENOBUFS:when=2", true, null },
        { "EventLoop", "setsockopt:error=ENOBUFS:when=1", true, null },
        { "EventLoop", "epoll_ctl:error=ENOMEM:when=2", true, "epoll_ctl: Cannot allocate memory (ENOMEM)" },
        { "EventLoop", "epoll_ctl:error=ENOSPC:when=3", true, "epoll_ctl: No space left on device (ENOSPC)" },
        { "EventLoop", "recvfrom:error=ENOMEM:when=3", true, "Cannot allocate memory (ENOMEM)" },
        { "EventLoop", "recvfrom:error=ECONNRESET:when=3", true, null },
        { "EventLoop", "sendto:error=EPROTO:when=3", true, "Protocol error (EPROTO)" },
        { "EventLoop", "sendto:error=ENOBUFS:when=2", true, "No buffer space available (ENOBUFS)" },

        { "Socket", "accept4,epoll_wait,recvfrom,recvmsg,sendto,sendmsg:error=EINTR:when=2+3", false, null },
        { "Socket", "accept4:error=ECONNABORTED:when=2", false, null },
        { "Socket", "accept4:error=EMFILE:when=2", false, "Too many open files (EMFILE)" },
        { "Socket", "accept4:error=EPROTO:when=2", false, null },
        { "Socket", "close:error=EIO:when=2", false, null },
        { "Socket", "shutdown:error=ENOBUFS:when=2", true, null },
        { "Socket", "epoll_ctl:error=ENOMEM:when=2", true, null },
        { "Socket", "recvfrom,recvmsg:error=ENOMEM:when=3", true, null },
        { "Socket", "sendto,sendmsg:error=EPROTO:when=3", true, "Protocol error (EPROTO)" },
    };

    [Theory]
    [MemberData(nameof(Injections))]
    [Trait("Row", "P20")]
    [Trait("Row", "P21")]
    public async Task A_call_that_fails_harms_its_own_connection_at_most(string driver, string injection, bool harms, string? told)
    {
        if (Strace.IsLeftOut)
        {
            return;
        }

        using ChildProcess child = ChildProcess.StartWith(new() { ["SocketServer__Transport__Driver"] = driver }, "count");
        int port = IPEndPoint.Parse(await child.ReadLineAsync()).Port;
        await AskAsync(port, "fail", harms: false);

        string[] parts = injection.Split(' ');
        string[] only = parts.Length > 1 ? Eventfd : [];
        using Strace strace = await Strace.AttachAsync(child.Id, [.. only, "-e", $"trace={parts[^1].Split(':')[0]}", "-e", $"inject={parts[^1]}"]);

        // What is not closed cannot be reset; outside of tests it is closed whatever the system answers.
        string last = parts[^1].StartsWith("close", StringComparison.Ordinal) ? "end!" : "fail";
        int harmed = 0;
        for (int i = 0; i < Rounds; i++)
        {
            harmed += await AskAsync(port, last, harms);
        }

        await child.WriteLineAsync("stop");
        int[] counts = [.. (await child.ReadLineAsync()).Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        List<string> errors = [];
        while (await child.ReadLineAsync() is not "over" and var error)
        {
            errors.Add(error);
        }

        Assert.Equal((0, ""), await child.WaitForExitAsync());
        int injected = await strace.CountAsync();
        Assert.True(injected > 0, "Nothing was injected.");
        Assert.True(harmed <= injected, $"{harmed} connections were harmed by {injected} failures.");
        Assert.Equal(counts[0], counts[1]);
        Assert.Equal(0, counts[2]);
        Assert.True(counts[3] < 10_000, $"The shutdown took {counts[3]} ms.");
        Assert.DoesNotContain(errors, error => error.Contains("Unknown", StringComparison.Ordinal));
        if (told is not null)
        {
            Assert.Contains(told, errors);
        }
    }

    // Several clients at once, that leave in all ways there are. Returns how many have noticed anything.
    private static async Task<int> AskAsync(int port, string last, bool harms)
    {
        bool[] answered = await Task.WhenAll(
            TalkAsync(port, "left", harms), TalkAsync(port, "end!", harms), TalkAsync(port, "end!", harms), TalkAsync(port, last, harms),
            TalkAsync(port, "many", harms), TalkAsync(port, "left", harms));
        return answered.Count(answer => !answer);
    }

    private static async Task<bool> TalkAsync(int port, string word, bool harms)
    {
        try
        {
            using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            await client.SendAsync("echo");
            Assert.Equal("echo", await client.ReceiveTextAsync(4));
            if (word == "many")
            {
                Task<byte[]> received = client.ReceiveExactlyAsync(Large.Length);
                await client.SendAsync(Large);
                Assert.Equal(Large, await received);
            }

            if (word == "fail")
            {
                await client.SendAsync(word);
                await Assert.ThrowsAsync<IOException>(client.ReceiveToEndAsync);
                return true;
            }

            if (word == "end!")
            {
                await client.SendAsync(word);
                Assert.Equal(word, await client.ReceiveTextToEndAsync());
                return true;
            }

            await client.ShutdownSendAsync();
            Assert.Empty(await client.ReceiveToEndAsync());
            return true;
        }
        catch (Exception exception) when (harms && exception is IOException or Xunit.Sdk.XunitException)
        {
            return false;
        }
    }
}
