using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>A descriptor that closes when its last call has returned, so that none works on a number that is somebody else's by then.</summary>
internal sealed class SafeFileDescriptor : SafeHandleMinusOneIsInvalid
{
    /// <param name="value">The result of the call that made it.</param>
    /// <param name="failed">What has failed where it was not made, where that is not plain.</param>
    /// <exception cref="SocketException">The call failed.</exception>
    public SafeFileDescriptor(int value, string? failed = null)
        : base(ownsHandle: true)
    {
        if (value < 0)
        {
            throw SystemError.ToException(SystemError.Last, failed);
        }

        SetHandle(value);
    }

    protected override bool ReleaseHandle() => Libc.Close(handle) == 0;
}
