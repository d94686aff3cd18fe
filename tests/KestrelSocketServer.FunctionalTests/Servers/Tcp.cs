using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KestrelSocketServer.FunctionalTests.Servers;

/// <summary>What the operating system says about ports.</summary>
internal static class Tcp
{
    public static int PortOf(ISocketServer server) => ((IPEndPoint)server.EndPoint!).Port;

    public static async Task AssertRefusedAsync(EndPoint endPoint)
    {
        using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        SocketException exception = await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(endPoint).Soon());
        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
    }

    public static Task AssertRefusedAsync(string address) => AssertRefusedAsync(IPEndPoint.Parse(address));

    /// <summary>The server has closed the connection, by the end of the stream or by a reset.</summary>
    public static async Task AssertClosedAsync(RawClient client)
    {
        try
        {
            Assert.Equal("", await client.ReceiveTextToEndAsync());
        }
        catch (IOException)
        {
            // Reset.
        }
    }

    /// <summary>The lines of <c>ss</c> about this process's sockets of a local port: another one may have the port of another address.</summary>
    /// <param name="options">Its options, for example <c>-ltn</c>.</param>
    /// <param name="port">The port.</param>
    public static async Task<string[]> ListAsync(string options, int port)
    {
        var start = new ProcessStartInfo("ss", [options, "-Hp", string.Create(CultureInfo.InvariantCulture, $"sport = :{port}")]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync().Soon();
        await process.WaitForExitAsync().Soon();
        string mine = string.Create(CultureInfo.InvariantCulture, $"pid={Environment.ProcessId},");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(socket => socket.Contains(mine, StringComparison.Ordinal))];
    }
}
