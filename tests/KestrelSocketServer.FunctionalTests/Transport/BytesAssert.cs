namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>Compares megabytes, and tells where they differ in place of printing them.</summary>
internal static class BytesAssert
{
    public static void Same(ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> actual)
    {
        int same = expected.Span.CommonPrefixLength(actual.Span);
        Assert.True(
            same == expected.Length && same == actual.Length,
            $"{actual.Length} bytes came for {expected.Length}, and the first {same} are those that were sent.");
    }
}
