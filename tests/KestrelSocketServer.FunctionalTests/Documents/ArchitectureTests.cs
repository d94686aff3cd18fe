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
        ["Messages"] = ["Diagnostics", "Connections"],
        ["Gate"] = ["Addresses", "Diagnostics", "Transport"],
        ["ProxyProtocol"] = ["Addresses", "Diagnostics", "Gate"],
        ["Tls"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Gate"],
        ["Servers"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Gate", "ProxyProtocol", "Tls"],
        ["Configuration"] = ["Addresses", "Diagnostics", "Connections", "Gate", "ProxyProtocol", "Tls", "Servers"],
        ["Hosting"] = ["Addresses", "Diagnostics", "Transport", "Connections", "Messages", "Gate", "ProxyProtocol", "Tls", "Servers", "Configuration"],
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

    [Fact]
    public void Nothing_is_declared_that_nobody_names()
    {
        SyntaxTree[] trees = [.. Parse(), .. Parse("src/KestrelSocketServer.Testing")];
        ILookup<string, SyntaxToken> named = trees.SelectMany(tree => tree.GetRoot().DescendantTokens(descendIntoTrivia: false))
            .Where(token => token.IsKind(SyntaxKind.IdentifierToken)).ToLookup(token => token.Text);

        Assert.Empty(trees.SelectMany(tree => tree.GetRoot().DescendantNodes().OfType<MemberDeclarationSyntax>())
            .SelectMany(FindNames)
            .Where(declared => !named[declared.Text].Any(token => token.Span != declared.Span || token.SyntaxTree != declared.SyntaxTree))
            .Select(declared => $"{Path.GetFileName(declared.SyntaxTree!.FilePath)}: {declared.Text}"));
    }

    private static IEnumerable<SyntaxToken> FindNames(MemberDeclarationSyntax member)
    {
        // What is public is named by users, if not here; what implements or overrides, by what is above it.
        if (member.Modifiers.Any(modifier => modifier.Kind() is SyntaxKind.PublicKeyword or SyntaxKind.ProtectedKeyword or SyntaxKind.OverrideKeyword)
            && member.AncestorsAndSelf().OfType<BaseTypeDeclarationSyntax>().Any(type => type.Modifiers.Any(SyntaxKind.PublicKeyword) || type.BaseList is not null))
        {
            return [];
        }

        return member switch
        {
            MethodDeclarationSyntax { ExplicitInterfaceSpecifier: null } method => [method.Identifier],
            PropertyDeclarationSyntax { ExplicitInterfaceSpecifier: null } property => [property.Identifier],
            FieldDeclarationSyntax { Parent: StructDeclarationSyntax { AttributeLists.Count: > 0 } } => [],
            FieldDeclarationSyntax field => field.Declaration.Variables.Select(variable => variable.Identifier),
            TypeDeclarationSyntax type when !type.Modifiers.Any(modifier => modifier.Kind() is SyntaxKind.PublicKeyword or SyntaxKind.StaticKeyword) => [type.Identifier],
            _ => [],
        };
    }

    private static SyntaxTree[] Parse(string folder = Library) => [.. Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories)
        .Where(path => FolderOf(path, folder) is not ("obj" or "bin"))
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

    private static string FolderOf(string path, string root = Library) => Path.GetRelativePath(Repository.PathOf(root), path).Split(Path.DirectorySeparatorChar)[0];
}
