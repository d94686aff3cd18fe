using System.Text.RegularExpressions;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>What holds for all documents of the repository, each by its path.</summary>
[Trait("Row", "H8")]
public sealed partial class DocumentTests
{
    private static readonly string[] Folders = ["src", "samples", "tests"];

    // The chapters that make the handlers which others use.
    private static readonly MarkdownSnippet[] Shared =
        [.. SnippetsOf("src/KestrelSocketServer/Hosting/README.md"), .. SnippetsOf("src/KestrelSocketServer/Connections/README.md")];

    public static TheoryData<string> Documents => [.. FindDocuments()];

    public static TheoryData<string, int> Snippets
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string document in FindDocuments())
            {
                foreach (MarkdownSnippet snippet in SnippetsOf(document))
                {
                    data.Add(document, snippet.Line);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Snippets))]
    public void Every_snippet_compiles(string document, int line)
    {
        MarkdownSnippet[] snippets = SnippetsOf(document);

        IReadOnlyList<string> faults = new SnippetCompiler(document, snippets, Shared).Compile(snippets.Single(snippet => snippet.Line == line));

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void A_snippet_that_does_not_compile_is_told_by_its_line()
    {
        MarkdownSnippet[] snippets = [.. MarkdownSnippet.In("""
            # Title

            <!-- snippet: body -->
            ```csharp
            connection.Write("text");
            connection.Shout("text");
            ```
            """)];

        string message = Assert.Single(new SnippetCompiler("README.md", snippets).Compile(snippets[0]));

        Assert.StartsWith("README.md:6: CS1061: ", message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_into_the_repository_lead_somewhere(string document) => Assert.All(
        Links.Matches(TextOf(document)).Select(match => Path.Combine(Path.GetDirectoryName(document)!, match.Groups[1].Value)),
        link => Assert.True(Path.Exists(Repository.PathOf(link)), $"{link} is not there."));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_to_headings_lead_somewhere(string document) => Assert.All(
        Anchors.Matches(TextOf(document)).Select(match => (Path: match.Groups[1].Value, Anchor: match.Groups[2].Value)),
        link => Assert.Contains(link.Anchor, AnchorsOf(link.Path == "" ? document : Path.Combine(Path.GetDirectoryName(document)!, link.Path))));

    private static IEnumerable<string> AnchorsOf(string document) => Headings.Matches(TextOf(document))
        .Select(match => NotInAnchors.Replace(match.Groups[1].Value, "").Replace(' ', '-').ToLowerInvariant());

    private static IEnumerable<string> FindDocuments() => Folders
        .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.md", SearchOption.AllDirectories))
        .Select(path => Path.GetRelativePath(Repository.PathOf("."), path))
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj"))
        .Append("README.md")
        .Order(StringComparer.Ordinal);

    private static string TextOf(string document) => File.ReadAllText(Repository.PathOf(document));

    private static MarkdownSnippet[] SnippetsOf(string document) => [.. MarkdownSnippet.In(TextOf(document))];

    [GeneratedRegex(@"\]\((?!https?:|#)([^)#]+)[^)]*\)")]
    private static partial Regex Links { get; }

    [GeneratedRegex(@"\]\((?!https?:)([^)#]*)#([^)]+)\)")]
    private static partial Regex Anchors { get; }

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Headings { get; }

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors { get; }
}
