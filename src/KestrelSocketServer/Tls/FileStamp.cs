namespace KestrelSocketServer.Tls;

/// <summary>Tells one state of a file from another without reading it.</summary>
internal readonly record struct FileStamp(string Path, DateTime Written, long Length)
{
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static FileStamp From(string path)
    {
        var file = new FileInfo(path);
        if (file.Exists && file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            // Secrets mounted into containers change by a link that points elsewhere.
            file = (FileInfo?)file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        }

        return file.Exists
            ? new FileStamp(file.FullName, file.LastWriteTimeUtc, file.Length)
            : throw new FileNotFoundException($"There is no file '{path}'.", path);
    }
}
