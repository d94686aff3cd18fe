using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KestrelSocketServer.FunctionalTests.Samples;

/// <summary>A line client: the real nc, or a plain socket on a machine that has none.</summary>
internal sealed class Netcat : IAsyncDisposable
{
    private readonly Process? _nc;
    private readonly TcpClient? _client;
    private readonly Stream _input;
    private readonly StreamReader _output;

    private Netcat(Process nc)
    {
        _nc = nc;
        _input = nc.StandardInput.BaseStream;
        _output = nc.StandardOutput;
    }

    private Netcat(TcpClient client)
    {
        _client = client;
        _input = client.GetStream();
        _output = new StreamReader(client.GetStream());
    }

    public static async Task<Netcat> ConnectAsync(IPEndPoint address)
    {
        var start = new ProcessStartInfo("nc", [address.Address.ToString(), address.Port.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        try
        {
            return new Netcat(Process.Start(start)!);
        }
        catch (Win32Exception)
        {
            var client = new TcpClient(address.AddressFamily);
            await client.ConnectAsync(address).WaitAsync(TestTimeout.Value);
            return new Netcat(client);
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(byte[] data)
    {
        await _input.WriteAsync(data).AsTask().WaitAsync(TestTimeout.Value);
        await _input.FlushAsync().WaitAsync(TestTimeout.Value);
    }

    /// <summary>Has nothing more to say: nc, too, ends once the other side has ended then.</summary>
    public async Task EndAsync()
    {
        if (_nc is not null)
        {
            await _input.DisposeAsync();
        }
        else
        {
            _client!.Client.Shutdown(SocketShutdown.Send);
        }
    }

    /// <summary>The next line; null at the end of the stream.</summary>
    public Task<string?> ReadLineAsync() => _output.ReadLineAsync().WaitAsync(TestTimeout.Value);

    public async ValueTask DisposeAsync()
    {
        if (_nc is { HasExited: false })
        {
            _nc.Kill();
            await _nc.WaitForExitAsync();
        }

        _output.Dispose();
        _nc?.Dispose();
        _client?.Dispose();
    }
}
