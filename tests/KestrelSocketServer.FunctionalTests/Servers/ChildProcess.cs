using System.Diagnostics;
using System.Globalization;

namespace KestrelSocketServer.FunctionalTests.Servers;

/// <summary>The test program in a process of its own. Disposing it kills it, if it is still there.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private ChildProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => _process.Id;

    /// <summary>The time that its threads have spent on a processor.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            // utime and stime, in ticks of 10 ms, follow the name, which may hold blanks.
            string stat = File.ReadAllText($"/proc/{_process.Id}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromMilliseconds(10 * (int.Parse(fields[11], CultureInfo.InvariantCulture) + int.Parse(fields[12], CultureInfo.InvariantCulture)));
        }
    }

    public static ChildProcess Start(string command, params string[] arguments) => StartWith([], command, arguments);

    /// <summary>Starts it so that all its threads share one core.</summary>
    public static ChildProcess StartOnOneCore(Dictionary<string, string> environment, string command, params string[] arguments)
    {
        string allowed = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1];
        return Start(environment, ["taskset", "-c", allowed.Trim().Split(',', '-')[0]], command, arguments);
    }

    public static ChildProcess StartWith(Dictionary<string, string> environment, string command, params string[] arguments)
        => Start(environment, [], command, arguments);

    /// <summary>Starts it with no more than that many descriptors.</summary>
    public static ChildProcess StartWithDescriptors(int count, Dictionary<string, string> environment, string command, params string[] arguments)
        => Start(environment, ["prlimit", $"--nofile={count}"], command, arguments);

    /// <param name="environment">Variables of its environment.</param>
    /// <param name="prefix">A command that runs it, such as <c>strace</c>.</param>
    /// <param name="command">What it is to do.</param>
    /// <param name="arguments">How.</param>
    public static ChildProcess Start(Dictionary<string, string> environment, string[] prefix, string command, params string[] arguments)
    {
        const string Name = "KestrelSocketServer.TestChild";
        string program = Path.Combine(AppContext.BaseDirectory.Replace("KestrelSocketServer.FunctionalTests", Name, StringComparison.Ordinal), Name + ".dll");

        // Whoever runs the tests in the background of a shell has SIGINT ignored, and hands that on.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,TERM", .. prefix, Environment.ProcessPath!, program, command, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return new ChildProcess(Process.Start(start)!);
    }

    /// <summary>The next line of its standard output.</summary>
    public async Task<string> ReadLineAsync()
        => await _process.StandardOutput.ReadLineAsync().Soon() ?? throw new EndOfStreamException(await _errors.Soon());

    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line).Soon();

    /// <param name="name">The name of the signal, <c>INT</c> or <c>TERM</c>.</param>
    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync().Soon();
    }

    public async Task<(int ExitCode, string Errors)> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().Soon();
        return (_process.ExitCode, await _errors.Soon());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
