using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>
/// Compiles the snippets of one file as a project of the Web SDK with implicit usings would. Snippets that hold types only
/// are in scope of all others; bodies are put into a method with <see cref="Scope"/> around it.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="snippets">Its snippets.</param>
/// <param name="shared">Snippets of other files, whose types are in scope unless the file has its own by that name.</param>
internal sealed class SnippetCompiler(string file, IReadOnlyCollection<MarkdownSnippet> snippets, IReadOnlyCollection<MarkdownSnippet>? shared = null)
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Net.Http.Json;
        global using System.Threading;
        global using System.Threading.Tasks;
        global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Hosting;
        global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.Configuration;
        global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging;
        """;

    /// <summary>What a body finds in scope: the names that the text around it uses.</summary>
    private const string Scope = """
        using System.Net.Security;
        using System.Security.Authentication;
        using System.Security.Cryptography.X509Certificates;
        using KestrelSocketServer;
        using Microsoft.AspNetCore.Server.Kestrel.Core;
        using Microsoft.AspNetCore.Server.Kestrel.Https;
        internal static class SnippetScope
        {
            private static WebApplicationBuilder builder => null!;
            private static WebApplication app => null!;
            private static SocketServerOptions options => null!;
            private static ISocketServers servers => null!;
            private static ISocketServer server => null!;
            private static ISocketConnection connection => null!;
            private static ListenOptions listen => null!;
            private static ILogger logger => null!;
            private static X509Certificate2 certificate => null!;
            private static byte[] data => null!;
            internal static async Task RunAsync()
            {
                await Task.CompletedTask;

        """;

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    // The source generator of System.Text.Json, which belongs to the SDK.
    private static readonly ISourceGenerator[] JsonGenerators =
    [
        .. Directory.EnumerateFiles(
                Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "packs", "Microsoft.NETCore.App.Ref"),
                "System.Text.Json.SourceGeneration.dll",
                SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .TakeLast(1)
            .SelectMany(path => Assembly.LoadFrom(path).GetTypes())
            .Where(type => !type.IsAbstract && typeof(IIncrementalGenerator).IsAssignableFrom(type))
            .Select(type => ((IIncrementalGenerator)Activator.CreateInstance(type)!).AsSourceGenerator()),
    ];

    /// <summary>What the compiler finds wrong with a snippet, by line of the file.</summary>
    public IReadOnlyList<string> Compile(MarkdownSnippet snippet)
    {
        SyntaxTree tree = Parse(snippet);
        return
        [
            .. CreateCompilation(snippet, tree).GetDiagnostics()
                .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Location.SourceTree == tree)
                .Select(diagnostic => $"{file}:{diagnostic.Location.GetMappedLineSpan().StartLinePosition.Line + 1}: {diagnostic.Id}: {diagnostic.GetMessage()}"),
        ];
    }

    /// <summary>A snippet that compiles, to be run.</summary>
    public Assembly Load(MarkdownSnippet snippet)
    {
        using var image = new MemoryStream();
        EmitResult result = CreateCompilation(snippet, Parse(snippet)).Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        return Assembly.Load(image.ToArray());
    }

    private CSharpCompilation CreateCompilation(MarkdownSnippet snippet, SyntaxTree tree)
    {
        SyntaxTree[] own = [.. snippets.Where(other => other != snippet).Select(Parse).Where(other => !IsProgram(other))];
        HashSet<string> names = [.. own.Append(tree).SelectMany(TypesOf)];
        IEnumerable<SyntaxTree> types = [.. own, .. (shared ?? []).Select(Parse).Where(other => !IsProgram(other) && !TypesOf(other).Any(names.Contains))];
        var compilation = CSharpCompilation.Create(
            "Snippet",
            [CSharpSyntaxTree.ParseText(ImplicitUsings, ParseOptions), tree, .. types],
            References,
            new CSharpCompilationOptions(
                HasTopLevelStatements(tree) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary,
                nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create(JsonGenerators, parseOptions: ParseOptions).RunGeneratorsAndUpdateCompilation(compilation, out Compilation generated, out _);
        return (CSharpCompilation)generated;
    }

    private static bool IsProgram(SyntaxTree tree) =>
        HasTopLevelStatements(tree) || tree.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>().Any(type => type.Identifier.Text == "SnippetScope");

    private static IEnumerable<string> TypesOf(SyntaxTree tree)
        => tree.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Select(type => type.Identifier.Text);

    private static bool HasTopLevelStatements(SyntaxTree tree) =>
        tree.GetCompilationUnitRoot().Members.Any(member => member is GlobalStatementSyntax);

    private SyntaxTree Parse(MarkdownSnippet snippet)
    {
        string code = $"#line {snippet.Line} \"{file}\"\n{snippet.Code}\n";
        return CSharpSyntaxTree.ParseText(snippet.IsBody ? $"{Scope}{code}#line hidden\n}}}}\n" : code, ParseOptions);
    }
}
