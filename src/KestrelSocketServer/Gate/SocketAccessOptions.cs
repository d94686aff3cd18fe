namespace KestrelSocketServer;

/// <summary>
/// Which networks the clients of an endpoint may come from (row G5): in CIDR form, <c>10.0.0.0/8</c> and <c>2001:db8::/32</c>, or single
/// addresses. They are looked at before anything else of a client; they say nothing of the clients of Unix sockets.
/// </summary>
public sealed class SocketAccessOptions
{
    /// <summary>The networks that clients may come from.</summary>
    /// <remarks>Defaults to none given: from any.</remarks>
    public IList<string> Allow { get; } = [];

    /// <summary>The networks that clients may not come from, also where <see cref="Allow"/> has them.</summary>
    /// <remarks>Defaults to none.</remarks>
    public IList<string> Deny { get; } = [];
}
