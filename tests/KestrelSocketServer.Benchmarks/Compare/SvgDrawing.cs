using System.Globalization;
using System.Xml.Linq;

namespace KestrelSocketServer.Benchmarks;

/// <summary>Collects shapes and makes an SVG image of them. Colours come from the classes of the style sheet.</summary>
internal sealed class SvgDrawing(string style)
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly List<XElement> _shapes = [];

    public void Bar(double x, double y, double width, double height, string @class) => _shapes.Add(new XElement(
        Svg + "rect", Number("x", x), Number("y", y), Number("width", width), Number("height", height), new XAttribute("rx", 2), new XAttribute("class", @class)));

    public void Line(double x1, double y1, double x2, double y2, string @class) => _shapes.Add(new XElement(
        Svg + "line", Number("x1", x1), Number("y1", y1), Number("x2", x2), Number("y2", y2), new XAttribute("class", @class)));

    /// <summary>Writes a text that begins at the place, or ends there.</summary>
    public void Text(double x, double y, string @class, string text, bool endsThere = false) => _shapes.Add(new XElement(
        Svg + "text", Number("x", x), Number("y", y), endsThere ? new XAttribute("text-anchor", "end") : null, new XAttribute("class", @class), text));

    /// <summary>Puts all on a card of the class "card".</summary>
    public XElement ToSvg(int width, int height, string label) => new(
        Svg + "svg",
        Number("width", width),
        Number("height", height),
        new XAttribute("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width} {height}")),
        new XAttribute("role", "img"),
        new XAttribute("aria-label", label),
        new XElement(Svg + "style", style),
        new XElement(Svg + "rect", Number("x", 0.5), Number("y", 0.5), Number("width", width - 1), Number("height", height - 1), Number("rx", 6), new XAttribute("class", "card")),
        _shapes);

    private static XAttribute Number(string name, double value) => new(name, value.ToString("0.#", CultureInfo.InvariantCulture));
}
