namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>A fenced block of C# in a Markdown file.</summary>
/// <param name="Line">The line of the file that the code begins on, counted from 1.</param>
/// <param name="IsBody">
/// Whether it is statements that belong into a program: the line before the fence is <c>&lt;!-- snippet: body --&gt;</c>,
/// which readers do not see.
/// </param>
/// <param name="Code">The code.</param>
internal sealed record MarkdownSnippet(int Line, bool IsBody, string Code)
{
    private const string Fence = "```";
    private const string BodyMark = "<!-- snippet: body -->";

    public static IEnumerable<MarkdownSnippet> In(string markdown)
    {
        string[] lines = markdown.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith(Fence, StringComparison.Ordinal))
            {
                continue;
            }

            int end = Array.FindIndex(lines, i + 1, line => line == Fence);
            if (end < 0)
            {
                throw new InvalidDataException($"The fence on line {i + 1} is not closed.");
            }

            if (lines[i] == $"{Fence}csharp")
            {
                yield return new MarkdownSnippet(i + 2, i > 0 && lines[i - 1] == BodyMark, string.Join('\n', lines[(i + 1)..end]));
            }

            i = end;
        }
    }
}
