using System.Diagnostics;
using System.Net;
using System.Threading.Channels;
using KestrelSocketServer.FunctionalTests.Documents;

namespace KestrelSocketServer.FunctionalTests.Samples;

/// <summary>A sample that runs as a process of its own, as its user starts it.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _output = Channel.CreateUnbounded<string>();
    private readonly Task<string> _errors;

    private SampleProcess(Process process)
    {
        _process = process;
        _ = ReadOutputAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    public static SampleProcess Start(string name, params ReadOnlySpan<string> arguments)
        => StartIn(Path.GetDirectoryName(ProgramOf(name))!, name, arguments);

    /// <summary>Starts it from a folder.</summary>
    public static SampleProcess StartIn(string folder, string name, params ReadOnlySpan<string> arguments)
    {
        string output = ProgramOf(name);
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        // A test run in the background of a shell has SIGINT ignored, and its children would inherit that.
        string[] command = OperatingSystem.IsLinux()
            ? ["env", "--default-signal=INT,TERM", dotnet, output, .. arguments]
            : [dotnet, output, .. arguments];
        var start = new ProcessStartInfo(command[0], command.AsSpan(1).ToArray())
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The tests give every address; those of the machine's own environment would go before the defaults.
        start.Environment.Remove("ASPNETCORE_URLS");
        start.Environment.Remove("ASPNETCORE_HTTP_PORTS");
        return new SampleProcess(Process.Start(start)!);
    }

    private static string ProgramOf(string name) => Repository.PathOf("samples", name, "bin", Repository.Configuration, "net10.0", $"{name}.dll");

    /// <summary>Starts a console sample and waits until it listens.</summary>
    public static async Task<(SampleProcess Sample, IPEndPoint Address)> StartListeningAsync(string name, params string[] arguments)
    {
        SampleProcess sample = Start(name, arguments);
        try
        {
            string line = await sample.ReadLineAsync();
            Assert.StartsWith("Listening on ", line, StringComparison.Ordinal);
            return (sample, IPEndPoint.Parse(line["Listening on ".Length..]));
        }
        catch
        {
            await sample.DisposeAsync();
            throw;
        }
    }

    /// <summary>The next line of standard output.</summary>
    public async Task<string> ReadLineAsync()
    {
        try
        {
            return await _output.Reader.ReadAsync().AsTask().WaitAsync(TestTimeout.Value);
        }
        catch (ChannelClosedException)
        {
            throw new InvalidOperationException($"The sample wrote no more lines and ended: {await _errors.WaitAsync(TestTimeout.Value)}");
        }
    }

    /// <summary>All of standard output that was not read yet, and all of standard error, once the process has ended.</summary>
    public async Task<(int ExitCode, string Output, string Errors)> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TestTimeout.Value);
        string errors = await _errors.WaitAsync(TestTimeout.Value);
        List<string> lines = await _output.Reader.ReadAllAsync().ToListAsync().AsTask().WaitAsync(TestTimeout.Value);
        return (_process.ExitCode, string.Join('\n', lines), errors);
    }

    /// <param name="signal">INT or TERM.</param>
    public async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("sh", ["-c", $"kill -{signal} {_process.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(TestTimeout.Value);
        Assert.Equal(0, kill.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _output.Writer.TryWrite(line);
        }

        _output.Writer.Complete();
    }
}
