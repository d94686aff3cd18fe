namespace KestrelSocketServer.TestSupport;

/// <summary>Every wait of a test ends: with what it waited for, or with a <see cref="TimeoutException"/>.</summary>
public static class Timeouts
{
    /// <summary>Far longer than anything takes, also on a loaded machine with one core.</summary>
    public static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    public static Task Soon(this Task task) => task.WaitAsync(Generous);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Generous);

    public static Task Soon(this ValueTask task) => task.AsTask().Soon();

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().Soon();
}
