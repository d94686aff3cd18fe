using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Documents;

[Trait("Row", "H8")]
public sealed partial class ReadmeTests
{
    private static readonly string Text = File.ReadAllText(Repository.PathOf("README.md"));

    [Fact]
    public void Its_first_commands_are_the_two_that_a_fresh_machine_needs()
    {
        Match commands = FirstCommands.Match(Text);

        Assert.Equal("dotnet run --project samples/SocketsBesideHttp\ndotnet test", commands.Groups[1].Value.TrimEnd());
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
}
