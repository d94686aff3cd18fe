using KestrelSocketServer.FunctionalTests.Servers;

namespace KestrelSocketServer.FunctionalTests.Injection;

/// <summary>A start for which the system does not give what it takes says what that was.</summary>
public sealed class InjectedStartTests
{
    private const string Tcp = "127.0.0.1:0";
    private const string Unix = "unix:///tmp/kss-injected.sock";

    [Theory]
    [InlineData(Tcp, "bind", "EADDRINUSE", "the address is already in use.")]
    [InlineData(Tcp, "bind", "EADDRNOTAVAIL", "the address does not belong to this host.")]
    [InlineData(Tcp, "bind", "EACCES", "the process has no right to bind it (ports below 1024 may need more rights).")]
    [InlineData(Tcp, "bind", "EPERM", "the process has no right to bind it (ports below 1024 may need more rights).")]
    [InlineData(Tcp, "bind", "ENODEV", "the network interface that it names does not exist.")]
    [InlineData(Tcp, "bind", "EINVAL", "the system does not take the address for this socket.")]
    [InlineData(Tcp, "bind", "ENOMEM", "the system has no memory for another socket.")]
    [InlineData(Tcp, "bind", "ENOBUFS", "the system has no memory for another socket.")]
    [InlineData(Tcp, "bind", "EPROTO", "Protocol error (EPROTO).")]
    [InlineData(Tcp, "listen", "EADDRINUSE", "the address is already in use.")]
    [InlineData(Tcp, "listen", "EOPNOTSUPP", "the socket is of a kind that cannot listen.")]
    [InlineData(Tcp, "socket", "EAFNOSUPPORT", "this host does not support the address family.")]
    [InlineData("[::1]:0", "socket", "EAFNOSUPPORT", "this host does not support IPv6.")]
    [InlineData(Tcp, "socket", "EMFILE", "the process has no descriptors left; raise its limit (ulimit -n).")]
    [InlineData(Unix, "bind", "EACCES", "the process has no right to make a file in its folder.")]
    [InlineData(Unix, "bind", "EPERM", "the process has no right to make a file in its folder.")]
    [InlineData(Unix, "bind", "ENOENT", "its folder does not exist.")]
    [InlineData(Unix, "bind", "ENOTDIR", "a part of its path is no folder.")]
    [InlineData(Unix, "bind", "ENAMETOOLONG", "a name in its path is too long.")]
    [InlineData(Unix, "bind", "ELOOP", "its path has too many symbolic links, or goes round in a circle.")]
    [InlineData(Unix, "bind", "EROFS", "its folder is on a read-only file system.")]
    [InlineData(Unix, "bind", "ENOSPC", "there is no space left in its folder.")]
    [InlineData(Unix, "bind", "EDQUOT", "there is no space left in its folder.")]
    [Trait("Row", "A13")]
    public async Task Each_error_of_listening_has_a_message(string address, string call, string error, string reason)
    {
        string message = $"Endpoint 'child' cannot listen on {(address == Unix ? address : $"tcp://{address}")}: {reason}";
        Assert.Equal(message, await FailAsync(address, call, error) ?? message);
    }

    [Theory]
    [InlineData("epoll_create1", "EMFILE", "The event loops cannot be started: epoll_create1: Too many open files (EMFILE)")]
    [InlineData("eventfd2", "ENFILE", "The event loops cannot be started: eventfd: Too many open files in system (ENFILE)")]
    [InlineData("epoll_ctl", "ENOMEM", "The event loops cannot be started: epoll_ctl: Cannot allocate memory (ENOMEM)")]
    [Trait("Row", "P20")]
    [Trait("Row", "P21")]
    public async Task Event_loops_that_cannot_be_started_say_what_was_refused(string call, string error, string message)
        => Assert.Equal(message, await FailAsync(Tcp, call, error) ?? message);

    // Returns what it said, null where the test is left out.
    private static async Task<string?> FailAsync(string address, string call, string error)
    {
        if (Strace.IsLeftOut)
        {
            return null;
        }

        // Diagnostics would listen too.
        Dictionary<string, string> environment = new() { ["DOTNET_EnableDiagnostics"] = "0", ["SocketServer__Transport__Driver"] = "EventLoop" };
        string[] strace = Strace.Start("/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:error={error}");
        using ChildProcess child = ChildProcess.Start(environment, strace, "serve", address);
        (int exitCode, string errors) = await child.WaitForExitAsync();
        Assert.Equal(1, exitCode);
        return errors.Trim();
    }
}
