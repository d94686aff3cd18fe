using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Transport.EventLoops;

/// <summary><c>struct epoll_event</c>: what a descriptor is ready for, and the token it was registered with. x64 alone packs it.</summary>
internal static unsafe class PollItem
{
    private static readonly int TokenOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    /// <summary>The size of one in bytes.</summary>
    public static readonly int Size = TokenOffset + sizeof(long);

    public static Readiness ReadReadiness(byte* item) => (Readiness)Unsafe.ReadUnaligned<uint>(item);

    public static long ReadToken(byte* item) => Unsafe.ReadUnaligned<long>(item + TokenOffset);

    public static void Write(byte* item, Readiness readiness, long token)
    {
        Unsafe.WriteUnaligned(item, (uint)readiness);
        Unsafe.WriteUnaligned(item + TokenOffset, token);
    }
}
