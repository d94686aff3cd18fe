namespace KestrelSocketServer.Benchmarks;

/// <summary>What the loads send: each message is also a line, for servers that read lines.</summary>
internal static class LoadMessage
{
    public static byte[] Create(int size, int count = 1)
    {
        byte[] messages = new byte[size * count];
        for (int end = size; end <= messages.Length; end += size)
        {
            messages[end - 1] = (byte)'\n';
        }

        return messages;
    }
}
