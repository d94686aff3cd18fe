namespace KestrelSocketServer.FunctionalTests.Transport;

public enum ReadStepKind
{
    Read,
    TryRead,
    ReadAtLeast,

    /// <summary>A read that is cancelled beforehand.</summary>
    Cancel,

    /// <summary>A read with a token that is cancelled.</summary>
    Token,
}
