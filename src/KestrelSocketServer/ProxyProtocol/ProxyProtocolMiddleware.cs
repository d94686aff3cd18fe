using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace KestrelSocketServer.ProxyProtocol;

/// <summary>
/// Goes before all other middleware, TLS included: reads the header that a trusted proxy sends first, and gives the connection the addresses
/// of the client.
/// </summary>
internal sealed class ProxyProtocolMiddleware(ConnectionDelegate next, ProxyProtocolOptions options, ProxyObserver observer)
{
    private readonly TrustedProxies _trusted = new(options.TrustedProxies);
    private readonly bool _isRequired = options.Mode == ProxyProtocolMode.Require;
    private readonly TimeSpan _timeout = options.HeaderTimeout;

    public Task RunAsync(ConnectionContext connection)
    {
        if (_trusted.Contains(connection))
        {
            return RunProxiedAsync(connection);
        }

        if (!_isRequired)
        {
            return next(connection);
        }

        Refuse(connection, new(ProxyHeaderFault.Untrusted, "A client came directly, where a PROXY header from a trusted proxy is required."));
        return Task.CompletedTask;
    }

    private async Task RunProxiedAsync(ConnectionContext connection)
    {
        if (await ReadAsync(connection).ConfigureAwait(false))
        {
            await next(connection).ConfigureAwait(false);
        }
    }

    // Returns whether the connection goes on.
    private async ValueTask<bool> ReadAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        bool hasReceived = false;
        CancellationTokenSource? timeout = null;
        try
        {
            while (true)
            {
                // The header is often there before the connection is accepted: no clock is needed then.
                if (!input.TryRead(out ReadResult result))
                {
                    timeout ??= new CancellationTokenSource(_timeout, observer.TimeProvider);
                    result = await input.ReadAsync(timeout.Token).ConfigureAwait(false);
                }

                hasReceived |= !result.Buffer.IsEmpty;
                ProxyHeaderResult found = ProxyHeaderParser.Parse(result.Buffer);
                if (found.Header is { } header)
                {
                    input.AdvanceTo(result.Buffer.GetPosition(header.Length));
                    bool isProxied = Apply(connection, header);
                    return (isProxied || await IsClientThereAsync(connection).ConfigureAwait(false)) && IsAdmitted(connection);
                }

                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                if (found.Fault is { } fault)
                {
                    return Refuse(connection, fault);
                }

                if (result.IsCompleted)
                {
                    return Refuse(connection, EndOf(hasReceived));
                }
            }
        }
        catch (OperationCanceledException) when (timeout is { IsCancellationRequested: true })
        {
            return Refuse(connection, new(
                ProxyHeaderFault.Late, $"The PROXY header was not complete within {_timeout.TotalSeconds:0.0} s."));
        }
        catch (Exception exception) when (exception is ConnectionAbortedException or OperationCanceledException)
        {
            // The server itself has ended the connection, as it does when it stops.
            return false;
        }
        catch (IOException)
        {
            return Refuse(connection, EndOf(hasReceived));
        }
        finally
        {
            timeout?.Dispose();
        }
    }

    // Returns whether the header tells of a client other than the proxy itself.
    private bool Apply(ConnectionContext connection, ProxyHeader header)
    {
        EndPoint? proxy = connection.RemoteEndPoint;
        connection.Features.Set<IProxyProtocolFeature>(new ProxyProtocolFeature(header, proxy, connection.LocalEndPoint));
        if (header.Source is not null)
        {
            connection.RemoteEndPoint = header.Source;
            connection.LocalEndPoint = header.Destination;
        }

        observer.OnRead(connection, proxy);
        return header.Source is not null && !IsSame(header.Source, proxy);
    }

    // A health check ends after its header: behind TLS it would be a handshake that has failed, time after time. In version 1 it has the
    // proxy's own address.
    private async ValueTask<bool> IsClientThereAsync(ConnectionContext connection)
    {
        if (!observer.ClientsSpeakFirst)
        {
            return true;
        }

        PipeReader input = connection.Transport.Input;
        using var timeout = new CancellationTokenSource(_timeout, observer.TimeProvider);
        try
        {
            ReadResult result = await input.ReadAsync(timeout.Token).ConfigureAwait(false);
            input.AdvanceTo(result.Buffer.Start);
            return !result.Buffer.IsEmpty || !result.IsCompleted;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            // The handshake has a time-out of its own.
            return true;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private bool IsAdmitted(ConnectionContext connection)
    {
        if (observer.Admit is not { } admit || connection.RemoteEndPoint is not IPEndPoint client || admit(connection, client.Address))
        {
            return true;
        }

        Abort(connection);
        return false;
    }

    private bool Refuse(ConnectionContext connection, ProxyHeaderFault fault)
    {
        // With a reset, as there may be input that nobody reads, and no reason to wait for the rest of it.
        Abort(connection);
        observer.OnRefused(connection, fault);
        return false;
    }

    private static bool IsSame(EndPoint source, EndPoint? proxy) => source is IPEndPoint one && proxy is IPEndPoint other
        && one.Port == other.Port && one.Address.MapToIPv6().Equals(other.Address.MapToIPv6());

    private static void Abort(ConnectionContext connection) => connection.Abort(new ConnectionAbortedException("The connection was refused."));

    private static ProxyHeaderFault EndOf(bool hasReceived) => hasReceived
        ? new(ProxyHeaderFault.Malformed, "The PROXY header is malformed: the connection has ended in the middle of it.")
        : new(ProxyHeaderFault.Missing, "The connection has ended without a PROXY header.");
}
