using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Documents;

[Trait("Row", "H8")]
public sealed partial class ReadmeTests
{
    private static readonly string Text = File.ReadAllText(Repository.PathOf("README.md"));
    private static readonly MarkdownSnippet[] Snippets = [.. MarkdownSnippet.In(Text)];

    public static TheoryData<int> SnippetLines => [.. Snippets.Select(snippet => snippet.Line)];

    [Theory]
    [MemberData(nameof(SnippetLines))]
    public void Every_snippet_compiles(int line)
    {
        IReadOnlyList<string> faults = new SnippetCompiler("README.md", Snippets).Compile(Snippets.Single(snippet => snippet.Line == line));

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

    [Fact]
    public void Its_first_commands_are_the_two_that_a_fresh_machine_needs()
    {
        Match commands = FirstCommands.Match(Text);

        Assert.Equal("dotnet run --project samples/SocketsBesideHttp\ndotnet test", commands.Groups[1].Value.TrimEnd());
    }

    [Fact]
    public void Its_links_into_the_repository_lead_somewhere() => Assert.All(
        Links.Matches(Text).Select(match => match.Groups[1].Value),
        link => Assert.True(Path.Exists(Repository.PathOf(link)), $"{link} is not there."));

    [Fact]
    public void Its_links_to_headings_lead_somewhere()
    {
        string[] anchors = [.. Headings.Matches(Text).Select(match => NotInAnchors.Replace(match.Groups[1].Value, "").Replace(' ', '-').ToLowerInvariant())];

        Assert.All(Anchors.Matches(Text).Select(match => match.Groups[1].Value), anchor => Assert.Contains(anchor, anchors));
    }

    [Fact]
    public void It_lists_every_event_of_the_log()
    {
        IEnumerable<string> events = typeof(ISocketServer).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>()
            .OrderBy(message => message.EventId)
            .Select(message => $"| {message.EventId} | {message.EventName} | {message.Level} |");

        Assert.Equal(events, LogEvents.Matches(Text).Select(match => match.Value));
    }

    [Theory]
    [InlineData(typeof(SocketServerOptions))]
    [InlineData(typeof(SocketConnectionOptions))]
    [InlineData(typeof(SocketListenerOptions))]
    public void It_lists_every_option(Type options) => Assert.All(
        options.GetProperties().Where(property => property.CanWrite),
        property => Assert.Contains($"| `{options.Name}.{property.Name}` |", Text, StringComparison.Ordinal));

    [GeneratedRegex(@"^\| \d+ \| .*\|$", RegexOptions.Multiline)]
    private static partial Regex LogEvents { get; }

    [GeneratedRegex(@"^```sh\n(.*?)```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex FirstCommands { get; }

    [GeneratedRegex(@"\]\((?!https?:|#)([^)#]+)[^)]*\)")]
    private static partial Regex Links { get; }

    [GeneratedRegex(@"\]\(#([^)]+)\)")]
    private static partial Regex Anchors { get; }

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Headings { get; }

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors { get; }
}
