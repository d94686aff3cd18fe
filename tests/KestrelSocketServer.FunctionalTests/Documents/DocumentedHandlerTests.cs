using System.Reflection;
using KestrelSocketServer.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>Handlers of the documents, as they stand there, do what the text around them says.</summary>
[Trait("Row", "H8")]
[Trait("Row", "H9")]
public sealed class DocumentedHandlerTests
{
    [Fact]
    public async Task What_one_client_of_the_chat_says_reaches_all()
    {
        await using ServiceProvider services = new ServiceCollection().AddLogging().BuildServiceProvider();
        await using InMemorySocketServer server = Start(services, Load("README.md", "class ChatHandler").GetType("ChatHandler")!);
        InMemorySocketClient anna = server.Connect();
        InMemorySocketClient ben = server.Connect();
        await Task.WhenAll(anna.Connection, ben.Connection).Soon();

        await anna.SendAsync("hello\n");

        Assert.Equal("hello", await anna.ReceiveLineAsync().Soon());
        Assert.Equal("hello", await ben.ReceiveLineAsync().Soon());
    }

    [Fact]
    public async Task The_test_that_the_readme_of_the_testing_package_shows_passes()
    {
        Type tests = Load("src/KestrelSocketServer.Testing/README.md", "class ChatHandlerTests").GetType("ChatHandlerTests")!;
        MethodInfo test = Assert.Single(tests.GetMethods(), method => method.IsDefined(typeof(FactAttribute)));

        await ((Task)test.Invoke(Activator.CreateInstance(tests), null)!).Soon();
    }

    private static Assembly Load(string document, string code)
    {
        MarkdownSnippet[] snippets = [.. MarkdownSnippet.In(File.ReadAllText(Repository.PathOf(document)))];
        return new SnippetCompiler(document, snippets).Load(Assert.Single(snippets, snippet => snippet.Code.Contains(code, StringComparison.Ordinal)));
    }

    private static InMemorySocketServer Start(IServiceProvider services, Type handler) => (InMemorySocketServer)typeof(InMemorySocketServer).GetMethods()
        .Single(method => method.IsGenericMethod && method.GetParameters()[0].ParameterType == typeof(IServiceProvider))
        .MakeGenericMethod(handler)
        .Invoke(null, [services, null])!;
}
