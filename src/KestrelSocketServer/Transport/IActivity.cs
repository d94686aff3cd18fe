namespace KestrelSocketServer.Transport;

/// <summary>Tells whether a connection is used.</summary>
internal interface IActivity
{
    /// <summary>Whether anything was received or sent since the last call.</summary>
    bool TakeActivity();
}
