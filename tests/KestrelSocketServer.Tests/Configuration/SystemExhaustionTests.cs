using System.Net.Sockets;
using KestrelSocketServer.Configuration;

namespace KestrelSocketServer.Tests.Configuration;

[Trait("Row", "L5")]
public sealed class SystemExhaustionTests
{
    public static TheoryData<Exception?, bool> Exceptions => new()
    {
        { null, false },
        { new InvalidOperationException("mine"), false },
        { new InsufficientMemoryException(), true },
        { new SocketException((int)SocketError.TooManyOpenSockets), true },
        { new SocketException((int)SocketError.AddressAlreadyInUse), false },
        { new IOException("outer", new SocketException((int)SocketError.NoBufferSpaceAvailable)), true },
        { new AggregateException(new InvalidOperationException(), new InsufficientMemoryException()), true },
        { new AggregateException(new InvalidOperationException()), false },
    };

    [Theory]
    [MemberData(nameof(Exceptions))]
    public void What_passes_by_itself_is_told_from_what_has_to_be_mended(Exception? exception, bool passes)
        => Assert.Equal(passes, SystemExhaustion.IsCauseOf(exception));
}
