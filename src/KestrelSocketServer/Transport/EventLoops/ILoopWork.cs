namespace KestrelSocketServer;

/// <summary>What runs on an event loop and may run the application's code.</summary>
internal interface ILoopWork
{
    /// <summary>It has held its loop for too long, and has lost it. On the monitor's thread.</summary>
    void OnBlocked();
}
