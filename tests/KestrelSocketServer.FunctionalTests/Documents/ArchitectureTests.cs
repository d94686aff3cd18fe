using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>Which folder of the library may use the internal types of which: the picture in one table. Public types are for all.</summary>
[Trait("Row", "H8")]
public sealed class ArchitectureTests
{
    private const string Library = "src/KestrelSocketServer";

    private static readonly HashSet<string?> PublicTypes = [.. typeof(ISocketServer).Assembly.GetExportedTypes().Select(type => type.Name)];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Addresses"] = [],
        ["Diagnostics"] = ["Addresses"],
        ["Transport"] = ["Addresses", "Diagnostics"],
        ["Connections"] = ["Addresses", "Diagnostics", "Transport"],
        ["Gate"] = ["Addresses", "Diagnostics", "Transport"],
        ["Tls"] = ["Addresses", "Diagnostics", "Connections", "Transport", "Gate"],
        ["Servers"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Gate", "Tls"],
        ["Configuration"] = ["Addresses", "Diagnostics", "Connections", "Gate", "Tls", "Servers"],
        ["Hosting"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Gate", "Tls", "Servers", "Configuration"],
    };

    [Fact]
    public void Folders_use_only_those_below_them()
    {
        SyntaxTree[] trees = Parse();
        var compilation = CSharpCompilation.Create("Library", trees, []);

        Assert.Empty(trees.SelectMany(tree => FindFaults(tree, compilation.GetSemanticModel(tree))).Distinct());
    }

    [Fact]
    public void Internal_types_are_in_the_namespace_of_their_folder_and_public_ones_in_that_of_the_library()
    {
        Assert.Empty(Parse().SelectMany(FindMisplaced));
    }

    private static SyntaxTree[] Parse() => [.. Directory.EnumerateFiles(Repository.PathOf(Library), "*.cs", SearchOption.AllDirectories)
        .Where(path => FolderOf(path) is not ("obj" or "bin"))
        .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), path: path))];

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

    // A file is as public as the most public of its types. Extension methods are where users look already.
    private static IEnumerable<string> FindMisplaced(SyntaxTree tree)
    {
        var root = (CompilationUnitSyntax)tree.GetRoot();
        var declared = root.Members.OfType<BaseNamespaceDeclarationSyntax>().Single();
        string folder = Path.GetRelativePath(Repository.PathOf("src"), Path.GetDirectoryName(tree.FilePath)!).Replace(Path.DirectorySeparatorChar, '.');
        bool isPublic = PublicTypes.Contains(declared.Members.OfType<BaseTypeDeclarationSyntax>().FirstOrDefault()?.Identifier.Text)
            || declared.Members.OfType<MemberDeclarationSyntax>().Any(member => member.Modifiers.Any(SyntaxKind.PublicKeyword));
        string name = declared.Name.ToString();
        if (name != (isPublic ? "KestrelSocketServer" : folder) && !name.StartsWith("Microsoft.", StringComparison.Ordinal))
        {
            yield return $"{Path.GetFileName(tree.FilePath)} is in {name}";
        }
    }

    private static string FolderOf(string path) => Path.GetRelativePath(Repository.PathOf(Library), path).Split(Path.DirectorySeparatorChar)[0];
}
