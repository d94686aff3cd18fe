namespace KestrelSocketServer.FunctionalTests.Documents;

public sealed class DataEventTests
{
    [Theory]
    [InlineData("connection.Data += async chunk => await connection.WriteAsync(data);", "CS4012")]
    [InlineData("ReadOnlySpan<byte> kept = default; connection.Data += chunk => kept = chunk;", "CS8175")]
    [InlineData("Action later = () => { }; connection.Data += chunk => later = () => connection.Write(chunk);", "CS9108")]
    [Trait("Row", "C1")]
    public void A_chunk_that_outlives_its_subscriber_does_not_compile(string code, string expected)
    {
        var snippet = new MarkdownSnippet(1, IsBody: true, code);

        IReadOnlyList<string> errors = new SnippetCompiler("Data.cs", [snippet]).Compile(snippet);

        Assert.Contains(errors, error => error.Contains(expected, StringComparison.Ordinal));
    }
}
