using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using KestrelSocketServer;

/// <summary>Sends the words of each client to all clients of the endpoint, the sender too.</summary>
internal sealed partial class ChatHandler : SocketConnectionHandler
{
    /// <summary>A client that does not read must not cost memory without bound: it is closed when this much waits for it.</summary>
    public static void Limit(SocketConnectionOptions options) => options.WriteBufferHardLimit = 1024 * 1024;

    protected override void OnConnection(ISocketConnection connection)
    {
        string? sender = connection.RemoteAddress;
        connection.Data += chunk =>
        {
            if (!Utf8.IsValid(chunk))
            {
                return;
            }

            string text = Unspeakable.Replace(Encoding.UTF8.GetString(chunk), "").Trim();
            if (text.Length == 0)
            {
                return;
            }

            byte[] line = Encoding.UTF8.GetBytes($"{sender}: {text}\n");
            foreach (ISocketConnection client in connection.Server!.Connections)
            {
                client.Write(line);
            }
        };
    }

    /// <summary>All but word characters, space and simple punctuation: nobody can send the others control sequences.</summary>
    [GeneratedRegex(@"[^\w .,\-!?]")]
    private static partial Regex Unspeakable { get; }
}
