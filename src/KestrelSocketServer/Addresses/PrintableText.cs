using System.Buffers;
using System.Globalization;
using System.Text;

namespace KestrelSocketServer.Addresses;

/// <summary>Makes input from anywhere fit for a message or a log: no line breaks, no reordering of text, no megabytes.</summary>
internal static class PrintableText
{
    private const int MaxCharacters = 128;

    /// <summary>Escapes what cannot be seen as <c>\u000a</c>, and cuts what is too long.</summary>
    public static string From(ReadOnlySpan<char> text)
    {
        var printable = new StringBuilder();
        for (var index = 0; index < text.Length;)
        {
            if (index >= MaxCharacters)
            {
                return printable.Append('…').ToString();
            }

            var isValid = Rune.DecodeFromUtf16(text[index..], out var rune, out var length) == OperationStatus.Done;
            if (isValid && !IsInvisible(Rune.GetUnicodeCategory(rune)))
            {
                printable.Append(text.Slice(index, length));
            }
            else
            {
                foreach (var unit in text.Slice(index, length))
                {
                    printable.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
                }
            }

            index += length;
        }

        return printable.ToString();
    }

    private static bool IsInvisible(UnicodeCategory category) => category
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
