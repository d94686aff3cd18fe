namespace KestrelSocketServer.Gate;

/// <summary>Why a client was refused, in the order in which it is looked for.</summary>
internal enum RefusalReason
{
    /// <summary>Its address is in a network that is denied.</summary>
    Denied,

    /// <summary>Its address is in no network that is allowed.</summary>
    NotAllowed,

    /// <summary>The endpoint has as many connections as it may have.</summary>
    Connections,

    /// <summary>Its address has as many connections as one may have.</summary>
    ConnectionsPerAddress,

    /// <summary>Too many come in a second.</summary>
    Rate,

    /// <summary>Too many come from its address in a second.</summary>
    RatePerAddress,

    /// <summary>Its TLS handshake had not had its turn when its time was up.</summary>
    Handshakes,
}
