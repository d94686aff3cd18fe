using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A server in a process of its own; it ends with its standard input, so also with this process.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan ExitTime = TimeSpan.FromSeconds(10);

    private readonly string _name;
    private readonly Process _process;

    private ServerProcess(string name, Process process)
    {
        _name = name;
        _process = process;
        EndPoints = [.. ReadLine().Split(' ').Select(port => new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture)))];
    }

    public IReadOnlyList<IPEndPoint> EndPoints { get; }

    /// <summary>Starts this program as a server.</summary>
    public static ServerProcess Start(Cores cores, string verb, string name)
    {
        List<string> command = [.. cores.ServerPrefix, Environment.ProcessPath!];
        if (Path.GetFileNameWithoutExtension(command[^1]) == "dotnet")
        {
            command.Add(Assembly.GetExecutingAssembly().Location);
        }

        command.AddRange([verb, name]);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new ServerProcess(name, Process.Start(start)!);
    }

    public long GetAllocatedBytes() => AskNumber(ServerQuestions.Allocated);

    /// <summary>How long the runtime has compiled in all.</summary>
    public TimeSpan GetCompilationTime() => TimeSpan.FromTicks(AskNumber(ServerQuestions.CompilationTime));

    public int CountConnections() => (int)AskNumber(ServerQuestions.Connections);

    public int CountHandles() => (int)AskNumber(ServerQuestions.Handles);

    public int CountThreads() => (int)AskNumber(ServerQuestions.Threads);

    public TimeSpan GetProcessorTime() => TimeSpan.FromTicks(AskNumber(ServerQuestions.ProcessorTime));

    /// <summary>Has the server collect its garbage, then tells what is left.</summary>
    public MemoryUse GetMemory()
    {
        string[] answer = Ask(ServerQuestions.Memory).Split(' ');
        return new MemoryUse(long.Parse(answer[0], CultureInfo.InvariantCulture), long.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(ExitTime))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private long AskNumber(string question) => long.Parse(Ask(question), CultureInfo.InvariantCulture);

    private string Ask(string question)
    {
        _process.StandardInput.WriteLine(question);
        return ReadLine();
    }

    private string ReadLine() => _process.StandardOutput.ReadLine()
        ?? throw new InvalidOperationException($"The server process '{_name}' has ended.");
}
