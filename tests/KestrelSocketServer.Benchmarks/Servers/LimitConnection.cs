using System.Buffers;
using System.Runtime.InteropServices;

namespace KestrelSocketServer.Benchmarks;

/// <summary>A connection of <see cref="LimitServer"/>. It is not read while something is left to be sent.</summary>
internal sealed unsafe class LimitConnection(Poll poll, int handle)
{
    private byte[]? _unsent;
    private int _unsentStart;
    private int _unsentEnd;
    private bool _isBroken;

    public delegate void DataHandler(ReadOnlySpan<byte> data);

    public event DataHandler? Data;

    /// <summary>Goes on where the socket is ready; false when the connection is over.</summary>
    public bool OnReady(byte[] buffer)
    {
        if (_unsent is not null)
        {
            SendUnsent();
            return !_isBroken;
        }

        nint count;
        fixed (byte* start = buffer)
        {
            count = Native.Receive(handle, start, (nuint)buffer.Length, 0);
        }

        if (count > 0)
        {
            Data?.Invoke(buffer.AsSpan(0, (int)count));
            return !_isBroken;
        }

        return count < 0 && Marshal.GetLastPInvokeError() == Native.TryAgain;
    }

    public void Send(ReadOnlySpan<byte> data)
    {
        int sent = _unsent is null ? TrySend(data) : 0;
        if (sent < data.Length)
        {
            Keep(data[sent..]);
        }
    }

    private int TrySend(ReadOnlySpan<byte> data)
    {
        fixed (byte* start = data)
        {
            nint count = Native.Send(handle, start, (nuint)data.Length, Native.NoSignal);
            _isBroken |= count < 0 && Marshal.GetLastPInvokeError() != Native.TryAgain;
            return (int)Math.Max(count, 0);
        }
    }

    private void Keep(ReadOnlySpan<byte> data)
    {
        if (_unsent is null)
        {
            _unsent = ArrayPool<byte>.Shared.Rent(data.Length);
            (_unsentStart, _unsentEnd) = (0, 0);
            poll.Watch(handle, handle, readable: false, writable: true);
        }
        else if (_unsent.Length - _unsentEnd < data.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_unsentEnd + data.Length);
            _unsent.AsSpan(0, _unsentEnd).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_unsent);
            _unsent = larger;
        }

        data.CopyTo(_unsent.AsSpan(_unsentEnd));
        _unsentEnd += data.Length;
    }

    private void SendUnsent()
    {
        _unsentStart += TrySend(_unsent.AsSpan(_unsentStart, _unsentEnd - _unsentStart));
        if (_unsentStart == _unsentEnd)
        {
            ArrayPool<byte>.Shared.Return(_unsent!);
            _unsent = null;
            poll.Watch(handle, handle, readable: true, writable: false);
        }
    }
}
