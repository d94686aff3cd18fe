using System.Net.Sockets;
using KestrelSocketServer.Transport.EventLoops;

namespace KestrelSocketServer.Transport;

/// <summary>
/// Keeps the last descriptors of the process from clients. The runtime needs some for a moment whenever it starts a thread or loads an
/// assembly, and ends the process where it cannot start a thread of its own; files with certificates and settings need one to be read.
/// </summary>
/// <remarks>
/// The system gives out the lowest number that is free, so the number of an accepted socket says how many are in use: as long as there
/// are enough, it costs a comparison. Nothing is held open, as what is kept must be free for anyone but the listeners. On Linux only.
/// </remarks>
internal sealed class DescriptorReserve
{
    private const int MaxSize = 32;

    // Where few are free from the start, most of them are for clients.
    private const int MinShare = 4;

    private const int DescriptorsOfThread = 8;

    private readonly int _size;
    private volatile int _first = int.MaxValue;
    private volatile bool _isTouched;

    public DescriptorReserve()
    {
        if (OperatingSystem.IsLinux())
        {
            int limit = Libc.ReadDescriptorLimit();
            _size = Math.Clamp((limit - FindLowest()) / MinShare, 0, MaxSize);
            _first = limit - _size;
        }
    }

    /// <summary>Whether no descriptor is left but the reserve. Costs a look at a field until one of the reserve was accepted with.</summary>
    public bool IsAllThatIsLeft => _isTouched && Check();

    /// <summary>Whether a thread can be started: the runtime gives up the whole process when it finds no descriptors for one that starts.</summary>
    public static bool HasEnoughForThread()
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        Span<int> descriptors = stackalloc int[DescriptorsOfThread];
        foreach (ref int descriptor in descriptors)
        {
            descriptor = Libc.CreateEvent(0, Libc.CloseOnExec);
        }

        bool enough = true;
        foreach (int descriptor in descriptors)
        {
            enough &= descriptor >= 0 && Libc.Close(descriptor) == 0;
        }

        return enough;
    }

    /// <summary>A socket was accepted.</summary>
    public void OnAccepted(nint descriptor)
    {
        if (descriptor >= _first)
        {
            _isTouched = true;
        }
    }

    /// <summary>The system had no descriptor: others use them up too, or the limit was lowered.</summary>
    public void OnExhausted() => _isTouched = OperatingSystem.IsLinux();

    public SocketException CreateException() => new(
        (int)SocketError.TooManyOpenSockets,
        $"Too many open files: the process has reached its limit on descriptors, the last {_size} of which are not for clients.");

    private bool Check()
    {
        _first = Libc.ReadDescriptorLimit() - _size;
        return _isTouched = FindLowest() >= _first;
    }

    private static int FindLowest()
    {
        int lowest = Libc.CreateEvent(0, Libc.CloseOnExec);
        if (lowest < 0)
        {
            return int.MaxValue;
        }

        _ = Libc.Close(lowest);
        return lowest;
    }
}
