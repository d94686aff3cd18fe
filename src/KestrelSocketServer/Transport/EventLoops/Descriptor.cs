using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KestrelSocketServer;

/// <summary>A descriptor that closes when its last call has returned, so that none works on a number that is somebody else's by then.</summary>
internal sealed class Descriptor : SafeHandleMinusOneIsInvalid
{
    /// <param name="value">The result of the call that made it.</param>
    /// <exception cref="SocketException">The call failed.</exception>
    public Descriptor(int value)
        : base(ownsHandle: true)
    {
        if (value < 0)
        {
            throw new SocketException((int)Libc.ToSocketError(Marshal.GetLastPInvokeError()));
        }

        SetHandle(value);
    }

    protected override bool ReleaseHandle() => Libc.Close(handle) == 0;
}
