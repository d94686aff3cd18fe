using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>
/// Tells a thread that is held up by what it runs from one that the system does not let run, because the machine, or the share of
/// it that a container has, is busy. Knows nothing where <c>/proc</c> is not to be read.
/// </summary>
internal sealed unsafe class ThreadMeter
{
    // As the kernel numbers the clock of a thread's processor time: its id, inverted, and these bits.
    private const int ThreadIdShift = 3;
    private const int ThreadClock = 6;

    private const int StatusLength = 256;

    private readonly int _clock;
    private readonly string? _status;

    private ThreadMeter(int? thread)
    {
        if (thread is { } id)
        {
            _clock = (~id << ThreadIdShift) | ThreadClock;
            _status = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{id}/stat");
        }
    }

    /// <summary>How long it has been running; zero where that is not known.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            nint* time = stackalloc nint[2];
            return _status is not null && Libc.GetTime(_clock, time) == 0
                ? TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000.0)
                : TimeSpan.Zero;
        }
    }

    /// <summary>The meter of the thread that asks.</summary>
    public static ThreadMeter OfThisThread()
    {
        // It points to the process, the word "task", and the thread.
        string? name = Path.GetFileName(new FileInfo("/proc/thread-self").LinkTarget);
        return new ThreadMeter(int.TryParse(name, CultureInfo.InvariantCulture, out int thread) ? thread : null);
    }

    /// <summary>Whether it could go on at once, and has been running for less than a time since an earlier <see cref="ProcessorTime"/>.</summary>
    public bool IsStarved(TimeSpan processorTimeBefore, TimeSpan enough)
        => ProcessorTime is { Ticks: > 0 } now && now - processorTimeBefore < enough && IsReady();

    private bool IsReady()
    {
        try
        {
            // The state follows the name, which is in parentheses and may hold some itself.
            using SafeFileHandle file = File.OpenHandle(_status!);
            Span<byte> status = stackalloc byte[StatusLength];
            status = status[..RandomAccess.Read(file, status, fileOffset: 0)];
            return status[(status.LastIndexOf((byte)')') + 1)..].StartsWith(" R"u8);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is no descriptor left to read it with, or the system hides it.
            return false;
        }
    }
}
