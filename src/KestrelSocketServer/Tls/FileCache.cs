using System.Security.Cryptography;

namespace KestrelSocketServer.Tls;

/// <summary>
/// What was made of one or two files, made anew when they have changed. Asking costs a look at their metadata; files that are
/// found broken are not read again before they change.
/// </summary>
internal sealed class FileCache<T>(string path, string? secondPath, Func<T> load)
    where T : class
{
    private readonly Lock _lock = new();
    private volatile Entry? _entry;

    /// <summary>The last value that could be loaded.</summary>
    public T? Last { get; private set; }

    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no right to read a file.</exception>
    /// <exception cref="CryptographicException">The content is not what it should be.</exception>
    public T Get()
    {
        (FileStamp, FileStamp) stamp = Stamp();
        Entry? entry = _entry;
        if (entry is null || entry.Stamp != stamp)
        {
            entry = Load();
        }

        return entry.Value ?? throw new CryptographicException(entry.Failure!.Message, entry.Failure);
    }

    private Entry Load()
    {
        lock (_lock)
        {
            // Looked at before it is read: whoever changes it meanwhile makes the next handshake read it again.
            (FileStamp, FileStamp) stamp = Stamp();
            if (_entry is { } current && current.Stamp == stamp)
            {
                return current;
            }

            Entry entry;
            try
            {
                Last = load();
                entry = new Entry(stamp, Last, null);
            }
            catch (CryptographicException exception)
            {
                entry = new Entry(stamp, null, exception);
            }

            _entry = entry;
            return entry;
        }
    }

    private (FileStamp, FileStamp) Stamp() => (FileStamp.From(path), secondPath is null ? default : FileStamp.From(secondPath));

    private sealed record Entry((FileStamp, FileStamp) Stamp, T? Value, CryptographicException? Failure);
}
