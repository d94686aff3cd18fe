namespace KestrelSocketServer;

/// <summary>Finds what somebody may have meant.</summary>
internal static class NearestName
{
    /// <summary>The candidate that the fewest edits make of <paramref name="name"/>; null when none is near.</summary>
    public static string? Find(string name, IEnumerable<string> candidates)
    {
        (string candidate, int distance) = candidates
            .Select(candidate => (candidate, Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
            .MinBy(pair => pair.Item2);
        return distance <= Math.Max(2, name.Length / 3) ? candidate : null;
    }

    // Levenshtein's, row by row.
    private static int Distance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(substitution, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[b.Length];
    }
}
