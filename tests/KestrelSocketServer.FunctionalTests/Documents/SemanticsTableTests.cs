using System.Globalization;
using System.Text.RegularExpressions;

namespace KestrelSocketServer.FunctionalTests.Documents;

[Trait("Row", "H8")]
public sealed partial class SemanticsTableTests
{
    private const string Table = """
        | row | behaviour | mark |
        |---|---|---|
        | A1 | tested | |
        | A2 | tested in part | partly |
        | T1 | not there yet | planned |
        """;

    [Fact]
    public void Every_row_has_a_test_and_every_test_names_a_row()
    {
        IReadOnlyList<TestMethod> tests = TestMethod.InRepository();

        string[] faults = [.. SemanticsTable.Read().FindFaults(tests)];

        Assert.NotEmpty(tests);
        Assert.True(faults.Length == 0, string.Join('\n', faults));
    }

    [Fact]
    public void The_table_has_all_its_rows_in_order()
    {
        string[] lines = File.ReadAllLines(Repository.PathOf("tests", "SEMANTICS.md"));
        string[] rows = [.. SemanticsTable.Read().Rows.Select(row => row.Row)];

        // Whatever looks like a row is one, also where it is written wrongly.
        Assert.Equal(lines.Count(line => RowLike.IsMatch(line)), rows.Length);
        Assert.All(rows.GroupBy(row => row[0], row => int.Parse(row.AsSpan(1), CultureInfo.InvariantCulture)), numbers => Assert.Equal(numbers.Order(), numbers));
        Assert.Equal("ALCTGXHKMDP", string.Concat(rows.Select(row => row[0]).Distinct()));
    }

    [Fact]
    public void Rows_are_named_by_methods_by_classes_and_by_what_they_inherit() => Assert.Empty(FaultsOf("""
        [Trait("Row", "A1")]
        public abstract class Both { [Theory] [Trait("Row", "A2")] public void Test() { } }
        public class Plain : Both { [Fact] public void Inherits() { } }
        """));

    [Theory]
    [InlineData("""public class C { [Fact, Trait("Row", "A1")] public void M() { } }""", "Row A2 has no test.")]
    [InlineData("""[Trait("Row", "A1"), Trait("Row", "A2")] public class C { [Fact, Trait("Row", "A9")] public void M() { } }""", "a.cs: C.M names row A9, which is not in the table.")]
    [InlineData("""[Trait("Row", "A1"), Trait("Row", "A2")] public class C { [Fact, Trait("Row", "T1")] public void M() { } }""", "Row T1 has tests: remove its mark 'planned'.")]
    public void What_does_not_fit_is_told(string source, string fault) => Assert.Equal([fault], FaultsOf(source));

    [Fact]
    public void A_test_that_names_no_row_is_told() => Assert.Contains("a.cs: C.M names no row.", FaultsOf("public class C { [Fact] public void M() { } }"));

    [Fact]
    public void A_test_of_an_abstract_class_that_nobody_inherits_is_no_test() => Assert.Equal(
        ["Row A1 has no test.", "Row A2 has no test.", "a.cs: C.M never runs: no class inherits it."],
        FaultsOf("""[Trait("Row", "A1"), Trait("Row", "A2")] public abstract class C { [Fact] public void M() { } }"""));

    private static IEnumerable<string> FaultsOf(string source) => SemanticsTable.Parse(Table).FindFaults(TestMethod.In([("a.cs", source)]));

    [GeneratedRegex(@"^\s*\|\s*[A-Z]\s*\d")]
    private static partial Regex RowLike { get; }
}
