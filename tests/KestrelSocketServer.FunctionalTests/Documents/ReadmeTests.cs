using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace KestrelSocketServer.FunctionalTests.Documents;

[Trait("Row", "H8")]
public sealed partial class ReadmeTests
{
    [Fact]
    public void Its_first_commands_are_the_two_that_a_fresh_machine_needs()
    {
        Match commands = FirstCommands.Match(Read("README.md"));

        Assert.Equal("dotnet run --project samples/SocketsBesideHttp\ndotnet test", commands.Groups[1].Value.TrimEnd());
    }

    [Fact]
    public void It_is_short_enough_to_be_read() => Assert.InRange(File.ReadAllLines(Repository.PathOf("README.md")).Length, 20, 150);

    [Fact]
    public void The_chapter_on_diagnostics_lists_every_event_of_the_log()
    {
        IEnumerable<string> events = typeof(ISocketServer).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>()
            .OrderBy(message => message.EventId)
            .Select(message => $"| {message.EventId} | {message.EventName} | {message.Level} |");

        Assert.Equal(events, LogEvents.Matches(Read("src/KestrelSocketServer/Diagnostics/README.md")).Select(match => match.Value));
    }

    [Theory]
    [InlineData(typeof(SocketServerOptions))]
    [InlineData(typeof(SocketConnectionOptions))]
    [InlineData(typeof(SocketListenerOptions))]
    public void The_chapter_on_configuration_lists_every_option(Type options) => Assert.All(
        options.GetProperties().Where(property => property.CanWrite),
        property => Assert.Contains(
            $"| `{options.Name}.{property.Name}` |", Read("src/KestrelSocketServer/Configuration/README.md"), StringComparison.Ordinal));

    private static string Read(string document) => File.ReadAllText(Repository.PathOf(document));

    [GeneratedRegex(@"^\| \d+ \| .*\|$", RegexOptions.Multiline)]
    private static partial Regex LogEvents { get; }

    [GeneratedRegex(@"^```sh\n(.*?)```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex FirstCommands { get; }
}
