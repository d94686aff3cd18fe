namespace KestrelSocketServer;

/// <summary>What the bytes of a message mean.</summary>
public static class MessageProtocolExtensions
{
}
