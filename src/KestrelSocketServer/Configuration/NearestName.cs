namespace KestrelSocketServer.Configuration;

/// <summary>Finds what somebody may have meant.</summary>
internal static class NearestName
{
    /// <summary>The path that the fewest edits make of <paramref name="path"/>, or of its last name; null when none is near.</summary>
    public static string? Find(string path, IEnumerable<string> candidates)
    {
        string name = Last(path);
        (string candidate, int distance) = candidates
            .Select(candidate => (candidate, Math.Min(Distance(path, candidate), Distance(name, Last(candidate)))))
            .MinBy(pair => pair.Item2);
        return distance <= Math.Max(2, name.Length / 3) ? candidate : null;
    }

    private static string Last(string path) => path[(path.LastIndexOf(':') + 1)..];

    // Levenshtein's, row by row, without regard to case.
    private static int Distance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                bool same = char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]);
                int substitution = previous[j - 1] + (same ? 0 : 1);
                current[j] = Math.Min(substitution, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[b.Length];
    }
}
