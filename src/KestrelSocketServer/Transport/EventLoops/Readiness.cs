namespace KestrelSocketServer.Transport.EventLoops;

/// <summary>What a descriptor is ready for, as epoll tells it.</summary>
[Flags]
internal enum Readiness : uint
{
    None = 0,
    Readable = 1,
    Writable = 4,
    Error = 8,

    /// <summary>Both directions are over.</summary>
    HungUp = 0x10,

    /// <summary>The peer has finished sending.</summary>
    PeerEnded = 0x2000,
}
