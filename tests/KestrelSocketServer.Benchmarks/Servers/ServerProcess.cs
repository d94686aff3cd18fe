using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection;

namespace KestrelSocketServer.Benchmarks;

/// <summary>An <see cref="EchoServer"/> in a process of its own; it ends with its standard input, so also with this process.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan ExitTime = TimeSpan.FromSeconds(10);

    private readonly Process _process;

    private ServerProcess(EchoStyle style, Process process)
    {
        Style = style;
        _process = process;
        EndPoint = new IPEndPoint(IPAddress.Loopback, int.Parse(ReadLine(), CultureInfo.InvariantCulture));
    }

    public EchoStyle Style { get; }

    public IPEndPoint EndPoint { get; }

    public static ServerProcess Start(EchoStyle style)
    {
        List<string> command = [Environment.ProcessPath!];
        if (Path.GetFileNameWithoutExtension(command[0]) == "dotnet")
        {
            command.Add(Assembly.GetExecutingAssembly().Location);
        }

        command.AddRange([EchoServer.Verb, style.Name]);
        command.InsertRange(0, Cores.ServerPrefix);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true };
        return new ServerProcess(style, Process.Start(start)!);
    }

    public long GetAllocatedBytes() => long.Parse(Ask(EchoServer.AllocatedQuestion), CultureInfo.InvariantCulture);

    public TimeSpan GetProcessorTime() => TimeSpan.FromTicks(long.Parse(Ask(EchoServer.ProcessorTimeQuestion), CultureInfo.InvariantCulture));

    public MemoryUse GetMemory()
    {
        string[] answer = Ask(EchoServer.MemoryQuestion).Split(' ');
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

    private string Ask(string question)
    {
        _process.StandardInput.WriteLine(question);
        return ReadLine();
    }

    private string ReadLine() => _process.StandardOutput.ReadLine()
        ?? throw new InvalidOperationException($"The server process of '{Style.Name}' has ended.");
}
