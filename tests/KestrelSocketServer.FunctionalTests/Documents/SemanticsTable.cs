using System.Text.RegularExpressions;

namespace KestrelSocketServer.FunctionalTests.Documents;

/// <summary>The rows of tests/SEMANTICS.md.</summary>
internal sealed partial class SemanticsTable
{
    private SemanticsTable(IReadOnlyList<(string Row, string Mark)> rows)
    {
        Rows = rows;
    }

    public IReadOnlyList<(string Row, string Mark)> Rows { get; }

    public static SemanticsTable Read() => Parse(File.ReadAllText(Repository.PathOf("tests", "SEMANTICS.md")));

    public static SemanticsTable Parse(string markdown) => new(
        [.. Line.Matches(markdown.ReplaceLineEndings("\n")).Select(match => (match.Groups["row"].Value, match.Groups["mark"].Value.Trim()))]);

    /// <summary>What does not fit together between the table and the tests.</summary>
    public IEnumerable<string> FindFaults(IReadOnlyCollection<TestMethod> tests)
    {
        HashSet<string> tested = [.. tests.Where(test => test.Runs).SelectMany(test => test.Rows)];
        HashSet<string> known = [];
        foreach ((string row, string mark) in Rows)
        {
            if (!known.Add(row))
            {
                yield return $"Row {row} is there twice.";
            }

            if (mark == "planned" && tested.Contains(row))
            {
                yield return $"Row {row} has tests: remove its mark 'planned'.";
            }

            if (mark is "" or "partly" && !tested.Contains(row))
            {
                yield return $"Row {row} has no test.";
            }

            if (mark is not ("" or "partly" or "planned"))
            {
                yield return $"Row {row} has the unknown mark '{mark}'.";
            }
        }

        foreach (TestMethod test in tests)
        {
            if (test.Rows.Count == 0)
            {
                yield return $"{test.Place} names no row.";
            }

            foreach (string row in test.Rows.Where(row => !known.Contains(row)))
            {
                yield return $"{test.Place} names row {row}, which is not in the table.";
            }

            if (!test.Runs)
            {
                yield return $"{test.Place} never runs: no class inherits it.";
            }
        }
    }

    [GeneratedRegex(@"^\| (?<row>[A-Z]\d+) \|(?<behaviour>.*)\|(?<mark>[^|]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Line { get; }
}
