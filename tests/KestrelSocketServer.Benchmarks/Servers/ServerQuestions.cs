using System.Diagnostics;
using System.Globalization;
using System.Runtime;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// How a server's process is asked about itself. Its first line of output has the ports; then it answers a line for each line
/// of input, until that ends.
/// </summary>
internal static class ServerQuestions
{
    public const string Allocated = "allocated";
    public const string CompilationTime = "compilation";
    public const string Connections = "connections";
    public const string Handles = "handles";
    public const string Memory = "memory";
    public const string ProcessorTime = "processor";
    public const string Threads = "threads";

    /// <summary>Returns when the input has ended.</summary>
    public static void AnswerAll(IReadOnlyList<int> ports, Func<int> countConnections)
    {
        Console.WriteLine(string.Join(' ', ports));

        // Not asynchronous: a thread that waits for questions costs the server nothing while it is measured.
        while (Console.In.ReadLine() is { } question)
        {
            Console.WriteLine(Answer(question, countConnections));
        }
    }

    private static string Answer(string question, Func<int> countConnections) => question switch
    {
        Allocated => Format(GC.GetTotalAllocatedBytes(precise: true)),
        CompilationTime => Format(JitInfo.GetCompilationTime().Ticks),
        Connections => Format(countConnections()),
        Handles => Format(Directory.GetFileSystemEntries("/proc/self/fd").Length),
        Memory => $"{Format(CollectAndMeasure())} {Format(Environment.WorkingSet)}",
        ProcessorTime => Format(Environment.CpuUsage.TotalTime.Ticks),
        Threads => Format(CountThreads()),
        _ => throw new ArgumentException($"'{question}' is no question."),
    };

    private static long CollectAndMeasure()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static int CountThreads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }

    private static string Format(long number) => number.ToString(CultureInfo.InvariantCulture);
}
