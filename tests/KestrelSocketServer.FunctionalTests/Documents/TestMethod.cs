using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>A test method in the sources, with the rows that it and its class name.</summary>
/// <param name="Place">Its file and name.</param>
/// <param name="Rows">The rows.</param>
/// <param name="Runs">Whether a runner finds it: its class is not abstract, or another class inherits it.</param>
internal sealed record TestMethod(string Place, IReadOnlySet<string> Rows, bool Runs)
{
    /// <summary>The tests of all test projects; from the sources, as one of them cannot load the others.</summary>
    public static IReadOnlyList<TestMethod> InRepository() => In(
        from file in Directory.EnumerateFiles(Repository.PathOf("tests"), "*.cs", SearchOption.AllDirectories)
        let path = Path.GetRelativePath(Repository.Root, file)
        where !path.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin")
        select (path, File.ReadAllText(file)));

    public static IReadOnlyList<TestMethod> In(IEnumerable<(string Path, string Text)> files)
    {
        ILookup<string, (string Path, ClassDeclarationSyntax Class)> classes = (
            from file in files
            from type in CSharpSyntaxTree.ParseText(file.Text).GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>()
            select (file.Path, type)).ToLookup(entry => entry.type.Identifier.Text, entry => (entry.Path, entry.type));
        HashSet<string> inherited = [.. classes.SelectMany(entries => entries).SelectMany(entry => BasesOf(entry.Class))];

        return
        [
            .. from entries in classes
               from entry in entries
               from method in entry.Class.Members.OfType<MethodDeclarationSyntax>()
               where AttributesOf(method).Any(attribute => NameOf(attribute) is var name && (name.EndsWith("Fact", StringComparison.Ordinal) || name.EndsWith("Theory", StringComparison.Ordinal)))
               select new TestMethod(
                   $"{entry.Path}: {entry.Class.Identifier.Text}.{method.Identifier.Text}",
                   RowsOf(method).Concat(RowsWithBases(entry.Class, classes)).ToHashSet(),
                   !entry.Class.Modifiers.Any(SyntaxKind.AbstractKeyword) || inherited.Contains(entry.Class.Identifier.Text)),
        ];
    }

    // The parts of a partial class, and the classes that it inherits, name rows for it too.
    private static IEnumerable<string> RowsWithBases(ClassDeclarationSyntax type, ILookup<string, (string Path, ClassDeclarationSyntax Class)> classes) =>
        from part in classes[type.Identifier.Text]
        from row in RowsOf(part.Class).Concat(BasesOf(part.Class)
            .Where(name => name != type.Identifier.Text)
            .SelectMany(name => classes[name])
            .SelectMany(parent => RowsWithBases(parent.Class, classes)))
        select row;

    private static IEnumerable<string> RowsOf(MemberDeclarationSyntax member) =>
        from attribute in AttributesOf(member)
        where NameOf(attribute) == "Trait"
        let arguments = attribute.ArgumentList?.Arguments.Select(argument => (argument.Expression as LiteralExpressionSyntax)?.Token.ValueText).ToArray()
        where arguments is ["Row", _]
        select arguments[1] ?? "that is no literal";

    private static IEnumerable<string> BasesOf(ClassDeclarationSyntax type) =>
        type.BaseList?.Types.Select(parent => ((parent.Type as SimpleNameSyntax)?.Identifier.Text) ?? parent.Type.ToString()) ?? [];

    private static IEnumerable<AttributeSyntax> AttributesOf(MemberDeclarationSyntax member) => member.AttributeLists.SelectMany(list => list.Attributes);

    private static string NameOf(AttributeSyntax attribute) => attribute.Name.ToString();
}
