using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KestrelSocketServer.FunctionalTests.Injection;

/// <summary>Makes system calls of another process fail, by strace.</summary>
internal sealed class Strace : IDisposable
{
    /// <summary>Set to 1 where processes may not be traced: the tests that need it say nothing then.</summary>
    public const string Switch = "SOCKETSERVER_TESTS_WITHOUT_PTRACE";

    private readonly Process _process;
    private readonly string _log;

    private Strace(Process process, string log)
    {
        _process = process;
        _log = log;
    }

    public static bool IsLeftOut => !OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Switch) == "1";

    /// <summary>Attaches to a running process, all of whose threads are there.</summary>
    /// <param name="process">Its id.</param>
    /// <param name="options">What is to fail, as strace wants it.</param>
    public static async Task<Strace> AttachAsync(int process, params string[] options)
    {
        string log = Path.GetTempFileName();
        var start = new ProcessStartInfo("strace", ["-f", "-o", log, "-p", process.ToString(CultureInfo.InvariantCulture), .. options])
        {
            RedirectStandardError = true,
        };
        try
        {
            var strace = new Strace(Process.Start(start)!, log);
            string? line = await strace._process.StandardError.ReadLineAsync().Soon();
            if (line?.Contains("attached", StringComparison.Ordinal) != true)
            {
                throw Refused(line ?? "it ended");
            }

            // Nobody reads the rest.
            _ = strace._process.StandardError.ReadToEndAsync();
            return strace;
        }
        catch (Win32Exception exception)
        {
            throw Refused(exception.Message);
        }
    }

    /// <summary>What to put before a command so that its calls fail from the first one on; the process that is started is the command.</summary>
    public static string[] Start(string log, params string[] options)
    {
        try
        {
            using Process tried = Process.Start(new ProcessStartInfo("strace", ["-o", "/dev/null", "true"]) { RedirectStandardError = true })!;
            string errors = tried.StandardError.ReadToEnd();
            tried.WaitForExit();
            return tried.ExitCode == 0 ? ["strace", "-D", "-f", "--seccomp-bpf", "-o", log, .. options] : throw Refused(errors);
        }
        catch (Win32Exception exception)
        {
            throw Refused(exception.Message);
        }
    }

    /// <summary>How many calls were made to fail, known once the process has ended.</summary>
    public async Task<int> CountAsync()
    {
        await _process.WaitForExitAsync().Soon();
        return File.ReadLines(_log).Count(line => line.Contains("(INJECTED)", StringComparison.Ordinal));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        File.Delete(_log);
    }

    private static InvalidOperationException Refused(string reason) => new(
        $"strace cannot trace here ({reason.Trim()}). Install it and allow ptrace, or set {Switch}=1 to leave these tests out.");
}
