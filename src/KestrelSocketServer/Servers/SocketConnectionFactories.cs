using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer;

/// <summary>Makes the framework's factory of socket connections, with a memory pool.</summary>
internal static class SocketConnectionFactories
{
    public static SocketConnectionContextFactory Create(ILoggerFactory loggerFactory)
    {
        var options = new SocketConnectionFactoryOptions();
        try
        {
            SetMemoryPoolFactory(options, new BlockMemoryPool());
        }
        catch (MissingMethodException)
        {
            // A later framework has renamed it: connections work, only slower.
        }

        return new SocketConnectionContextFactory(options, loggerFactory.CreateLogger<SocketConnectionContextFactory>());
    }

    // The framework gives its pool to its own listener only. Others get MemoryPool.Shared, which allocates with every buffer
    // rented: some 1,750 bytes for each message of an echo.
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_MemoryPoolFactory")]
    private static extern void SetMemoryPoolFactory(SocketConnectionFactoryOptions options, IMemoryPoolFactory<byte> factory);
}
