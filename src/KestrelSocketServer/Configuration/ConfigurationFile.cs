using KestrelSocketServer.Tls;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace KestrelSocketServer.Configuration;

/// <summary>
/// A file of the configuration whose changes are followed. The framework reads a changed file in a task whose failure nobody sees: it
/// takes a broken file for an empty one, and it does not try again one that it could not open. So each change is followed here too:
/// what the framework has not read soon is read from here, where a failure is seen.
/// </summary>
/// <param name="provider">The framework's reader of the file.</param>
/// <param name="timeProvider">The clock.</param>
/// <param name="onChanged">Called when the file has changed, with how long the framework may take to read it.</param>
/// <param name="onRead">Called when the file was read.</param>
internal sealed class ConfigurationFile(FileConfigurationProvider provider, TimeProvider timeProvider, Action<TimeSpan> onChanged, Action onRead)
{
    private static readonly TimeSpan ReadingTime = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private FileStamp? _read;
    private long _changed;
    private bool _isChanged;
    private volatile bool _isWatched;
    private volatile bool _disposed;

    /// <summary>Whether it has changed since it was last read.</summary>
    public bool IsUnread
    {
        get
        {
            lock (_lock)
            {
                return _isChanged && (!_isWatched || Stamp() != _read);
            }
        }
    }

    /// <summary>Whether it is unread, and the framework may be reading it.</summary>
    public bool IsBeingRead => IsUnread && timeProvider.GetElapsedTime(_changed) < Patience;

    private TimeSpan Patience => TimeSpan.FromMilliseconds(provider.Source.ReloadDelay) + ReadingTime;

    public void Start()
    {
        _read = Stamp();
        FollowReads();
        Watch();
    }

    public void Dispose() => _disposed = true;

    /// <summary>Reads the file, where the framework could not.</summary>
    /// <exception cref="InvalidDataException">It is broken.</exception>
    /// <exception cref="IOException">It cannot be opened or watched.</exception>
    public void Read()
    {
        if (!_isWatched)
        {
            Watch();
        }

        if (IsUnread)
        {
            provider.Load();
        }

        lock (_lock)
        {
            if (Stamp() == _read)
            {
                _isChanged = false;
            }
        }
    }

    /// <summary>The path of the file where it, or a folder between it and the root of its provider, is a link, and nobody looks where that leads; else null.</summary>
    public string? FindLink()
    {
        // Its UsePollingFileWatcher is false whenever somebody watches.
        if (provider.Source.FileProvider is not PhysicalFileProvider { UseActivePolling: false } files
            || files.GetFileInfo(provider.Source.Path!).PhysicalPath is not { } path)
        {
            return null;
        }

        FileSystemInfo? part = new FileInfo(path);
        while (part is not null && part.FullName.Length > files.Root.Length)
        {
            if (part.LinkTarget is not null)
            {
                return path;
            }

            part = Path.GetDirectoryName(part.FullName) is { } parent ? new DirectoryInfo(parent) : null;
        }

        return null;
    }

    private void Watch()
    {
        IChangeToken token = provider.Source.FileProvider!.Watch(provider.Source.Path!);
        _isWatched = true;
        token.RegisterChangeCallback(static state => ((ConfigurationFile)state!).OnChanged(), this);
    }

    private void FollowReads()
        => provider.GetReloadToken().RegisterChangeCallback(static state => ((ConfigurationFile)state!).OnRead(), this);

    private void OnChanged()
    {
        if (_disposed)
        {
            return;
        }

        lock (_lock)
        {
            _isChanged = true;
            _changed = timeProvider.GetTimestamp();
        }

        try
        {
            Watch();
        }
        catch (Exception)
        {
            // The system has no descriptor for it, for example: the next attempt to read tries again, and tells.
            _isWatched = false;
        }

        onChanged(Patience);
    }

    private void OnRead()
    {
        if (_disposed)
        {
            return;
        }

        FollowReads();
        lock (_lock)
        {
            _read = Stamp();
        }

        onRead();
    }

    private FileStamp? Stamp()
    {
        try
        {
            IFileInfo file = provider.Source.FileProvider!.GetFileInfo(provider.Source.Path!);
            return file.PhysicalPath is { } path ? FileStamp.From(path)
                : file.Exists ? new FileStamp(file.Name, file.LastModified.UtcDateTime, file.Length)
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is none.
            return null;
        }
    }
}
