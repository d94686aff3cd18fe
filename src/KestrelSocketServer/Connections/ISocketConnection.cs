using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer;

/// <summary>
/// An accepted connection: a duplex byte stream with events, whatever the transport below (TCP, TLS, in memory).
/// </summary>
/// <remarks>
/// <para>
/// <b>Threads.</b> Every member may be used from any thread. The events of one connection never run at the same time as
/// one another (row C8); they run on the event loop that received the data, or on the thread pool where there is none or where
/// <see cref="SocketServerTransportOptions.RunHandlersOnThreadPool"/> is set. Different connections do not wait for one another, not for
/// long even for a subscriber that blocks; one that throws closes its own connection only (rows C6 and C25).
/// </para>
/// <para>
/// <b>Order.</b> <see cref="Data"/>* <see cref="Ended"/>? <see cref="Error"/>? <see cref="Closed"/>, and nothing after
/// <see cref="Closed"/> (rows C4 to C7). Reading starts when the subscribers of the connection event have returned, so
/// that nothing is lost between accept and subscription (row C2).
/// </para>
/// <para>
/// <b>Styles.</b> A connection is read in one style: by the <see cref="Data"/> event, by <see cref="ReadAllAsync"/>, by
/// <see cref="AsStream"/>, or by the raw <see cref="AsPipe"/>. Mixing them throws <see cref="InvalidOperationException"/>.
/// </para>
/// </remarks>
public interface ISocketConnection
{
    /// <summary>The identifier of the connection, the same as in Kestrel's logs.</summary>
    string Id { get; }

    /// <summary>
    /// The address of the peer as <c>ip:port</c>, IPv6 in brackets (row C21); null where the transport has none. It stays after the
    /// connection is closed (row C27).
    /// </summary>
    string? RemoteAddress { get; }

    /// <summary>
    /// The address that the peer reached as <c>ip:port</c>, also when the server listens on all interfaces (row C22); null where the
    /// transport has none. It stays after the connection is closed.
    /// </summary>
    string? LocalAddress { get; }

    /// <summary>The end point of the peer. It stays after the connection is closed.</summary>
    EndPoint? RemoteEndPoint { get; }

    /// <summary>The local end point. It stays after the connection is closed.</summary>
    EndPoint? LocalEndPoint { get; }

    /// <summary>True until either side has ended or closed the connection (row C19).</summary>
    bool IsReadable { get; }

    /// <summary>True until <see cref="End()"/>, <see cref="EndWriting"/>, <see cref="Close"/>, or the connection is gone (row C19).</summary>
    bool IsWritable { get; }

    /// <summary>
    /// Why the connection is closed; null while it is open. Known in <see cref="Error"/> and <see cref="Closed"/>, and from then on
    /// (row D1).
    /// </summary>
    SocketCloseReason? CloseReason { get; }

    /// <summary>
    /// Cancelled when the connection is closed, right after <see cref="Closed"/>, or long ago where it was asked for late (row C35). Where
    /// the handler reads in its own flow, already when the connection has failed, so that it can give up what it does meanwhile.
    /// </summary>
    /// <remarks>
    /// Its registrations run on the connection's run loop and must not block it. An <see cref="OperationCanceledException"/> that a handler
    /// lets through counts as no fault.
    /// </remarks>
    CancellationToken ConnectionClosed { get; }

    /// <summary>
    /// How many bytes of the peer were received and given to nobody, since the connection was ended here while the peer still sent.
    /// It grows until the connection is over, also after <see cref="Closed"/>, and is then logged at Debug (row C32).
    /// </summary>
    /// <remarks>
    /// Zero where all that the peer sent was delivered. After <see cref="Close"/> over TLS, what was not decrypted is not counted; nor is
    /// what a peer sends so late that it is told by a reset.
    /// </remarks>
    long DiscardedBytes { get; }

    /// <summary>How the connection is encrypted: protocol, cipher, names, the client's certificate; null where it is not (row T10).</summary>
    ConnectionTls? Tls { get; }

    /// <summary>The features of the connection, Kestrel's own among them.</summary>
    IFeatureCollection Features { get; }

    /// <summary>A place for the application's own state, for the life of the connection.</summary>
    IDictionary<object, object?> Items { get; }

    /// <summary>The server that accepted the connection; null where the handler runs on the application's own Kestrel or over another transport.</summary>
    ISocketServer? Server { get; }

    /// <summary>
    /// A chunk was received: never empty, in order, unmodified; chunk borders carry no meaning (row C1). It is a span of the receive
    /// buffer, which is used again when the subscribers have returned: copy what is to be kept. A handler that awaits reads by
    /// <see cref="ReadAllAsync"/>, <see cref="AsStream"/> or <see cref="AsPipe"/> instead.
    /// </summary>
    event Action<ReadOnlySpan<byte>>? Data;

    /// <summary>
    /// The peer has finished sending (row C4). Once the subscribers have returned, what was written is flushed and the
    /// connection closes, unless <see cref="SocketConnectionOptions.AllowHalfOpen"/> is set. Not raised by a local close.
    /// </summary>
    event Action? Ended;

    /// <summary>
    /// The connection failed: a read or a write failed, a limit was reached, or a subscriber threw (row C6). At most once,
    /// before <see cref="Closed"/>. A peer that just leaves is no error; <see cref="CloseReason"/> tells of every end.
    /// </summary>
    event Action<Exception>? Error;

    /// <summary>The connection is closed, whatever the cause: exactly once, last of all events (row C5).</summary>
    /// <remarks>A subscriber that comes after it is called at once, inside the subscription, and is not kept (row C36).</remarks>
    event Action? Closed;

    /// <summary>
    /// The unsent data has fallen below <see cref="SocketConnectionOptions.WriteBufferSoftLimit"/> after
    /// <see cref="Write(ReadOnlySpan{byte})"/> had returned false (row C11).
    /// </summary>
    event Action? Drained;

    /// <summary>
    /// The server is shutting down or drained, or the connection has reached <see cref="SocketConnectionOptions.MaxConnectionAge"/>: finish,
    /// say goodbye and call <see cref="End()"/>. Connections that are still open when the shutdown time-out, or
    /// <see cref="SocketConnectionOptions.MaxConnectionAgeGrace"/>, is over are closed. Once, however many causes there are.
    /// </summary>
    event Action? Stopping;

    /// <summary>
    /// Queues <paramref name="data"/>, copied, whole and in order, and returns at once (row C9). Writes made inside an event
    /// are sent together when its subscribers have returned; others are sent at once.
    /// </summary>
    /// <param name="data">The bytes to send; not used after the call.</param>
    /// <returns>
    /// False when the unsent data has reached <see cref="SocketConnectionOptions.WriteBufferSoftLimit"/>: the data is taken,
    /// but wait for <see cref="Drained"/> before more (row C10). Also false, and without effect, after <see cref="End()"/> or
    /// <see cref="Close"/> (row C13).
    /// </returns>
    /// <remarks>
    /// Do not ignore the result where the peer decides how much is written. What a peer does not read is kept in memory, without a limit
    /// of its own unless <see cref="SocketConnectionOptions.WriteBufferHardLimit"/> is set: twenty clients that ask and never read take
    /// 850 MiB in six seconds from a handler that ignores the result. All connections together are bounded by
    /// <see cref="SocketServerLimits.MaxUnsentBytes"/>, where those that hold most are closed. Await <see cref="WriteAsync"/>,
    /// call <see cref="Pause"/> until <see cref="Drained"/>, use <see cref="SocketConnectionExtensions.Pipe"/>, or set the limit.
    /// </remarks>
    bool Write(ReadOnlySpan<byte> data);

    /// <summary>
    /// Queues what <paramref name="write"/> writes, without a copy through a buffer of the caller's (row C37). Otherwise as
    /// <see cref="Write(ReadOnlySpan{byte})"/>: whole, in order, from any thread.
    /// </summary>
    /// <param name="state">What <paramref name="write"/> needs, so that it can be static and nothing is allocated.</param>
    /// <param name="write">
    /// Writes into memory of the connection, during the call only. Other writers wait meanwhile: it must neither block nor write to this
    /// connection in another way. It is not called where the connection takes no more.
    /// </param>
    /// <returns>As <see cref="Write(ReadOnlySpan{byte})"/>.</returns>
    /// <exception cref="InvalidOperationException">The handler writes to the output of <see cref="AsPipe"/>.</exception>
    /// <remarks>
    /// What <paramref name="write"/> throws is thrown here; if it has written something by then, which cannot be taken back, the connection
    /// is closed with that as its error.
    /// </remarks>
    bool Write<TState>(TState state, Action<IBufferWriter<byte>, TState> write)
        where TState : allows ref struct;

    /// <summary>
    /// Queues <paramref name="data"/> as <see cref="Write(ReadOnlySpan{byte})"/> does, and completes when the unsent data is below
    /// <see cref="SocketConnectionOptions.WriteBufferSoftLimit"/>.
    /// </summary>
    /// <param name="data">The bytes to send; copied before the call returns.</param>
    /// <param name="cancellationToken">Ends the wait, not the write.</param>
    /// <returns>False when the connection can no longer be written to.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled during the wait; the data stays queued.</exception>
    ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default);

    /// <summary>
    /// Sends what is queued, then the end of the stream, then closes (row C14). No <see cref="Data"/> follows: what the peer still
    /// sends is dropped, and counted by <see cref="DiscardedBytes"/>. A second call has no effect (row C17).
    /// </summary>
    void End();

    /// <summary>Queues <paramref name="data"/> and then acts as <see cref="End()"/>.</summary>
    /// <param name="data">The last bytes to send; not used after the call.</param>
    void End(ReadOnlySpan<byte> data);

    /// <summary>
    /// Sends what is queued, then the end of the stream (over TLS a close_notify), while reading goes on: the peer can finish what it sends
    /// (row C38). The connection closes when the peer has finished too, or by <see cref="End()"/> or <see cref="Close"/>. A second call
    /// has no effect.
    /// </summary>
    /// <remarks>On the application's own Kestrel the framework ends both directions then; so what the peer still sends is lost.</remarks>
    /// <exception cref="InvalidOperationException">The handler writes to the output of <see cref="AsPipe"/>: complete that.</exception>
    void EndWriting();

    /// <summary>
    /// Acts as <see cref="End()"/>, and completes when all that was written has gone to the operating system (row C39). The peer may still
    /// fail to receive it, which only an answer of its own can tell.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait, not the end.</param>
    /// <exception cref="InvalidOperationException">The handler writes to the output of <see cref="AsPipe"/>: complete that.</exception>
    /// <exception cref="IOException">
    /// The connection was closed before all was sent; the message names the reason, and the inner exception is its error, if it had one.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled during the wait.</exception>
    Task EndAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Closes at once: what is still queued in the process is dropped, the peer sees the end of the stream (row C16). A
    /// second call has no effect (row C17).
    /// </summary>
    void Close();

    /// <summary>
    /// Closes at once as <see cref="Close"/>, but the peer sees a reset: for a proxy whose other side was reset (row C40). It is no fault, and
    /// the reason is <see cref="SocketCloseReason.LocalClose"/>. No effect on a connection that is closed already.
    /// </summary>
    void Reset();

    /// <summary>
    /// Stops <see cref="Data"/>; the peer is held back by TCP once the buffers are full (row C18). While paused, the peer's
    /// end is seen only after <see cref="Resume"/>; so is a reset behind data that was not delivered yet, which comes first. Any other
    /// failure is seen at once. Idempotent.
    /// </summary>
    void Pause();

    /// <summary>Goes on after <see cref="Pause"/>, with nothing lost (row C18). Idempotent.</summary>
    void Resume();

    /// <summary>
    /// Reads the connection chunk by chunk; ends when the peer has finished sending or the connection is closed here.
    /// When the handler's task completes, the connection ends as by <see cref="End()"/>.
    /// </summary>
    /// <param name="cancellationToken">Cancels the wait for a chunk.</param>
    /// <returns>The chunks; each is valid until the next one is asked for.</returns>
    /// <exception cref="InvalidOperationException">The connection is already read in another style.</exception>
    /// <exception cref="IOException">The connection was reset or failed, thrown by the enumeration.</exception>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// The connection as a stream. Disposing the stream ends the connection as by <see cref="End()"/>; a read that still waits, and every
    /// later one, then throws <see cref="ObjectDisposedException"/>, so that a copy does not take it for the end of what the peer sends.
    /// Writes wait for a slow peer, so that a copy to it needs no care.
    /// </summary>
    /// <exception cref="InvalidOperationException">The connection is already read in another style.</exception>
    Stream AsStream();

    /// <summary>
    /// The raw pipe of the connection, for parsers that want <see cref="ReadOnlySequence{T}"/>. Whoever asks for its output owns the
    /// writing too: from then on the other ways to write and to end throw. Completing it sends the end of the stream (over TLS
    /// close_notify), and the input can still be read (row C33). Whoever only reads its input goes on writing to the connection, from any
    /// thread (row C41).
    /// </summary>
    /// <returns>
    /// The pipe, whose output throws <see cref="InvalidOperationException"/> where the connection was already written to.
    /// </returns>
    /// <exception cref="InvalidOperationException">The connection is already read in another style.</exception>
    IDuplexPipe AsPipe();
}
