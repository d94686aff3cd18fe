namespace KestrelSocketServer.Tls;

/// <summary>
/// One block of a PEM text. The reading is as lenient as OpenSSL's and more: any ends of lines, text before and between, byte order
/// marks, indented blocks.
/// </summary>
/// <param name="Label">What the block says that it is, such as CERTIFICATE.</param>
/// <param name="Line">The line in which it begins, the first being 1.</param>
/// <param name="Headers">The lines before its data, such as <c>Proc-Type: 4,ENCRYPTED</c>.</param>
/// <param name="Content">Its data; null when it is broken.</param>
/// <param name="Fault">What is wrong with it; null when nothing is.</param>
internal sealed record PemBlock(string Label, int Line, IReadOnlyList<string> Headers, byte[]? Content, string? Fault)
{
    private const string Begin = "-----BEGIN ";
    private const string Dashes = "-----";

    public bool IsCertificate => Label is "CERTIFICATE" or "X509 CERTIFICATE" or "TRUSTED CERTIFICATE";

    public bool IsPrivateKey => Label.EndsWith("PRIVATE KEY", StringComparison.Ordinal);

    public static IReadOnlyList<PemBlock> ReadAll(string text)
    {
        // One kind of line end; a lone CR is one too.
        text = text.ReplaceLineEndings("\n");
        var blocks = new List<PemBlock>();
        int position = 0;
        while (text.IndexOf(Begin, position, StringComparison.Ordinal) is >= 0 and int begin)
        {
            int label = begin + Begin.Length;
            int labelEnd = text.IndexOf(Dashes, label, StringComparison.Ordinal);
            if (labelEnd < 0 || text.IndexOf('\n', label, labelEnd - label) >= 0 || !StartsLine(text, position, begin))
            {
                // Dashes in a text that speaks of PEM, or a block that is commented out.
                position = label;
                continue;
            }

            blocks.Add(Read(text, begin, text[label..labelEnd], labelEnd + Dashes.Length, out position));
        }

        return blocks;
    }

    private static PemBlock Read(string text, int begin, string label, int body, out int end)
    {
        int line = 1 + text.AsSpan(0, begin).Count('\n');
        string endMark = $"-----END {label}-----";
        int bodyEnd = text.IndexOf(endMark, body, StringComparison.Ordinal);
        int next = text.IndexOf(Begin, body, StringComparison.Ordinal);
        if (bodyEnd < 0 || (next >= 0 && next < bodyEnd))
        {
            end = body;
            return new PemBlock(label, line, [], null, $"it has no line '{endMark}'");
        }

        end = bodyEnd + endMark.Length;
        string[] lines = text[body..bodyEnd].Trim().Split('\n', StringSplitOptions.TrimEntries);
        int headers = lines[0].Contains(':', StringComparison.Ordinal) ? Math.Max(Array.IndexOf(lines, ""), 0) : 0;
        try
        {
            return new PemBlock(label, line, lines[..headers], Convert.FromBase64String(string.Concat(lines[headers..])), null);
        }
        catch (FormatException)
        {
            return new PemBlock(label, line, [], null, "its content is no base64");
        }
    }

    private static bool StartsLine(string text, int from, int position)
    {
        for (int i = position - 1; i >= from && text[i] != '\n'; i--)
        {
            // A byte order mark is in the middle of a text that was put together from files.
            if (!char.IsWhiteSpace(text[i]) && text[i] != '\uFEFF')
            {
                return false;
            }
        }

        return true;
    }
}
