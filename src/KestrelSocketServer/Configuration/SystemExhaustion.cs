using System.Net.Sockets;

namespace KestrelSocketServer.Configuration;

/// <summary>
/// Tells a failure that passes by itself, when the system has descriptors, buffers or memory again, from one that needs somebody
/// to mend it.
/// </summary>
internal static class SystemExhaustion
{
    private const int OutOfMemory = 12;

    // ENFILE and EMFILE, ENOBUFS of Linux and of macOS.
    private static readonly int[] UnixErrors = [OutOfMemory, 23, 24, 105, 55];

    // Too many open files, no memory, no resources, and a file that somebody is still writing.
    private static readonly int[] WindowsErrors = [unchecked((int)0x80070004), unchecked((int)0x80070008), unchecked((int)0x800705AA), unchecked((int)0x80070020), unchecked((int)0x80070021)];

    public static bool IsCauseOf(Exception? exception) => exception switch
    {
        null => false,
        OutOfMemoryException => true,
        SocketException { SocketErrorCode: SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable } => true,
        SocketException { NativeErrorCode: OutOfMemory } => !OperatingSystem.IsWindows(),
        AggregateException aggregate => aggregate.InnerExceptions.Any(IsCauseOf),
        IOException when (OperatingSystem.IsWindows() ? WindowsErrors : UnixErrors).Contains(exception.HResult) => true,
        _ => IsCauseOf(exception.InnerException),
    };
}
