namespace KestrelSocketServer.Transport;

/// <summary>Raised by each read or write, which costs no more than that, and taken down by the clock of the connections.</summary>
internal struct ActivityFlag
{
    private bool _isRaised;

    public void Raise() => _isRaised = true;

    /// <summary>Whether it was raised since the last call.</summary>
    public bool Take()
    {
        bool isRaised = Volatile.Read(ref _isRaised);
        if (isRaised)
        {
            Volatile.Write(ref _isRaised, false);
        }

        return isRaised;
    }
}
