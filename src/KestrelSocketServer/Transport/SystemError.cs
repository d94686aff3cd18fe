using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Transport;

/// <summary>
/// What the system says of a call that failed, by the text and the name of its error number. <see cref="SocketError"/> has no value for
/// many of them, and shares others: where that would lose the number, a value out of its range carries it as far as the exception.
/// </summary>
internal static class SystemError
{
    private const int FirstCarried = -1000;
    private const int TooManyFiles = 24;

    // What users are told where the number is lost in .NET.
    private const string Nameless = "The operating system refused with an error that .NET has no name for.";

    // A mass of resets is a normal day.
    private static readonly ConcurrentDictionary<SocketError, string> Texts = new();

    /// <summary>The error of the last call of ours on this thread.</summary>
    public static SocketError Last => FromErrno(Marshal.GetLastPInvokeError());

    /// <summary>The value for an error number of Linux, which may be a carried one.</summary>
    public static SocketError FromErrno(int errno) => errno switch
    {
        4 or 11 => SocketError.WouldBlock,
        9 => SocketError.OperationAborted,
        13 => SocketError.AccessDenied,
        32 => SocketError.Shutdown,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        105 => SocketError.NoBufferSpaceAvailable,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        113 => SocketError.HostUnreachable,
        _ => (SocketError)(FirstCarried - errno),
    };

    /// <summary>
    /// The error of a call of .NET's, right after it on the same thread: where .NET has no name for it, or one name for several, the system
    /// still knows the number.
    /// </summary>
    public static SocketError Complete(SocketError error)
        => error is SocketError.SocketError or SocketError.TooManyOpenSockets && OperatingSystem.IsLinux()
            && FromErrno(Marshal.GetLastSystemError()) is var found && IsCarried(found) && ToKnown(found) == error ? found : error;

    /// <summary>What is thrown for an error.</summary>
    /// <param name="error">The error, which may be a carried one.</param>
    /// <param name="failed">What has failed, where that is not plain.</param>
    public static SocketException ToException(SocketError error, string? failed = null)
    {
        string text = Texts.GetOrAdd(error, static error => Describe(error));
        return new SocketException((int)ToKnown(error), failed is null ? text : $"{failed}: {text}");
    }

    /// <summary>The text and the name of an error number.</summary>
    public static string Describe(int errno)
    {
        string text = Marshal.GetPInvokeErrorMessage(errno);
        return ErrnoNames.Find(errno) is { } name ? $"{text} ({name})" : text;
    }

    private static string Describe(SocketError error)
    {
        if (error == SocketError.SocketError)
        {
            return Nameless;
        }

        if (error == SocketError.TooManyOpenSockets && OperatingSystem.IsLinux())
        {
            // Rather than all of the system's, which is what .NET makes of it.
            return Describe(TooManyFiles);
        }

        // On Unix the exception knows the number that .NET has made the error of.
        return IsCarried(error) ? Describe(FirstCarried - (int)error)
            : OperatingSystem.IsWindows() ? new SocketException((int)error).Message
            : Describe(new SocketException((int)error).ErrorCode);
    }

    private static bool IsCarried(SocketError error) => (int)error < FirstCarried;

    private static SocketError ToKnown(SocketError error) => !IsCarried(error) ? error : (FirstCarried - (int)error) switch
    {
        1 => SocketError.AccessDenied,
        12 => SocketError.NoBufferSpaceAvailable,
        22 => SocketError.InvalidArgument,
        23 or TooManyFiles => SocketError.TooManyOpenSockets,
        88 => SocketError.NotSocket,
        97 => SocketError.AddressFamilyNotSupported,
        98 => SocketError.AddressAlreadyInUse,
        99 => SocketError.AddressNotAvailable,
        95 => SocketError.OperationNotSupported,
        _ => SocketError.SocketError,
    };
}
