using KestrelSocketServer.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.Tests.Messages;

/// <summary>A client in memory of a handler of messages, over a transport that is none of the library's.</summary>
internal static class MemoryMessages
{
    /// <param name="build">Ends the pipeline with the handler.</param>
    /// <param name="timeProvider">The time.</param>
    /// <param name="bufferSize">How much is on its way before the client waits.</param>
    public static InMemorySocketClient Connect(Action<IConnectionBuilder> build, TimeProvider? timeProvider = null, int bufferSize = 64 * 1024)
    {
        var builder = new ConnectionBuilder(new ServiceCollection().AddSingleton(timeProvider ?? TimeProvider.System).BuildServiceProvider());
        build(builder);
        return InMemorySocketClient.Connect(builder.Build(), new InMemorySocketClientOptions { BufferSize = bufferSize });
    }
}
