using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Tells which of many sockets can be read or written: epoll, level-triggered.</summary>
internal sealed unsafe class Poll : IDisposable
{
    private const int Readable = 1;
    private const int Writable = 4;
    private const int AddOperation = 1;
    private const int ModifyOperation = 3;
    private const int InterruptedError = 4;
    private const int Capacity = 256;
    private const int WaitMilliseconds = 50;

    // The kernel packs the structure on x64 alone; in both forms it begins with the events.
    private static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int ItemInts = IsPacked ? 3 : 4;
    private static readonly int TagOffset = IsPacked ? 1 : 2;

    private readonly int _poll = Check(Native.CreatePoll(Native.CloseOnExec));
    private readonly int[] _items = new int[Capacity * ItemInts];

    public void Add(int socket, int tag) => Control(AddOperation, socket, tag, Readable);

    public void Watch(int socket, int tag, bool readable, bool writable)
        => Control(ModifyOperation, socket, tag, (readable ? Readable : 0) | (writable ? Writable : 0));

    /// <summary>Waits, a little unless told otherwise; returns how many sockets are ready.</summary>
    public int Wait(int milliseconds = WaitMilliseconds)
    {
        fixed (int* items = _items)
        {
            int count = Native.WaitPoll(_poll, items, Capacity, milliseconds);
            return count < 0 && Marshal.GetLastPInvokeError() == InterruptedError ? 0 : Check(count);
        }
    }

    /// <summary>The tag of a socket that the last wait found ready.</summary>
    public int TagOf(int index) => _items[(index * ItemInts) + TagOffset];

    public void Dispose() => _ = Native.Close(_poll);

    private void Control(int operation, int socket, int tag, int events)
    {
        int* item = stackalloc int[ItemInts];
        item[0] = events;
        item[TagOffset] = tag;
        Check(Native.ControlPoll(_poll, operation, socket, item));
    }

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());
}
