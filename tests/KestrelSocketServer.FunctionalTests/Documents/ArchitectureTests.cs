using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>Which folder of the library may use the internal types of which: the picture in one table. Public types are for all.</summary>
[Trait("Row", "H8")]
public sealed class ArchitectureTests
{
    private const string Library = "src/KestrelSocketServer";

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Addresses"] = [],
        ["Diagnostics"] = ["Addresses"],
        ["Transport"] = ["Diagnostics"],
        ["Connections"] = ["Addresses", "Diagnostics", "Transport"],
        ["Tls"] = ["Addresses", "Diagnostics", "Connections", "Transport"],
        ["Servers"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Tls"],
        ["Configuration"] = ["Addresses", "Diagnostics", "Connections", "Tls", "Servers"],
        ["Hosting"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Tls", "Servers", "Configuration"],
    };

    // Against the picture, and to be mended: nothing may come to these.
    private static readonly string[] Exceptions =
    [
        "Connections -> Servers: ConnectionSettings.cs uses SocketServer",
        "Connections -> Servers: ForeignTransport.cs uses SocketServer",
        "Connections -> Servers: SocketConnection.Closing.cs uses SocketServer",
        "Connections -> Servers: SocketConnection.Events.cs uses SocketServer",
        "Servers -> Configuration: SocketServer.cs uses EndpointPlan",
        "Servers -> Hosting: SocketServer.cs uses AppliedEndpoint",
        "Tls -> Servers: KestrelHttpsServer.cs uses EndpointContext",
        "Tls -> Servers: KestrelHttpsServices.cs uses EndpointContext",
    ];

    [Fact]
    public void Folders_use_only_those_below_them()
    {
        SyntaxTree[] trees = [.. Directory.EnumerateFiles(Repository.PathOf(Library), "*.cs", SearchOption.AllDirectories)
            .Where(path => FolderOf(path) is not ("obj" or "bin"))
            .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), path: path))];
        var compilation = CSharpCompilation.Create("Library", trees, []);

        Assert.Equal(Exceptions, trees.SelectMany(tree => FindFaults(tree, compilation.GetSemanticModel(tree))).Distinct().Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> FindFaults(SyntaxTree tree, SemanticModel model)
    {
        string user = FolderOf(tree.FilePath);
        foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
        {
            ISymbol? symbol = model.GetSymbolInfo(name).Symbol;
            INamedTypeSymbol? type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
            if (type is { DeclaredAccessibility: not Accessibility.Public }
                && type.Locations.FirstOrDefault(location => location.IsInSource)?.SourceTree?.FilePath is { } file
                && FolderOf(file) is var used && used != user && !Allowed[user].Contains(used))
            {
                yield return $"{user} -> {used}: {Path.GetFileName(tree.FilePath)} uses {type.Name}";
            }
        }
    }

    private static string FolderOf(string path) => Path.GetRelativePath(Repository.PathOf(Library), path).Split(Path.DirectorySeparatorChar)[0];
}
