using System.Globalization;
using System.Xml.Linq;

namespace KestrelSocketServer.Benchmarks;

/// <summary>
/// Draws the ratios to bare Kestrel as an SVG file: a panel for each load, a bar for each server, a line where bare Kestrel is.
/// It brings its own background, light or dark as the reader's system is, so that it can stand on any page.
/// </summary>
internal sealed class CompareChart
{
    private const int Width = 880;
    private const int Margin = 20;
    private const int Top = 96;
    private const int PanelWidth = (Width - (3 * Margin)) / 2;
    private const int LabelWidth = 150;
    private const int ValueWidth = 38;
    private const int BarsWidth = PanelWidth - LabelWidth - ValueWidth;
    private const int TitleHeight = 22;
    private const int RowHeight = 17;
    private const int BarHeight = 11;
    private const int PanelGap = 22;

    // The medians set the scale: one bad round of one server does not make all others small.
    private const double RoomAboveMedians = 1.15;

    private const string Style = """
        svg { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
        .card { fill: #ffffff; stroke: #d1d9e0 } .text { fill: #1f2328 } .quiet { fill: #59636e }
        .title { font-size: 16px; font-weight: 600 } .load { font-weight: 600 }
        .ours { fill: #2f81f7 } .sockets { fill: #8250df } .limit { fill: #8c959f }
        .spread { stroke: #1f2328; stroke-opacity: 0.55 } .baseline { stroke: #cf222e; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) {
          .card { fill: #0d1117; stroke: #3d444d } .text { fill: #f0f6fc } .quiet { fill: #9198a1 }
          .sockets { fill: #a371f7 } .limit { fill: #6e7681 }
          .spread { stroke: #f0f6fc } .baseline { stroke: #ff7b72 }
        }
        """;

    private readonly SvgDrawing _drawing = new(Style);
    private readonly double _pixelsPerOne;

    private CompareChart(IEnumerable<CompareResult> results)
        => _pixelsPerOne = BarsWidth / (results.Max(result => Math.Max(result.Ratio.Median, 1)) * RoomAboveMedians);

    public static void Save(string file, IEnumerable<CompareResult> results, string howMeasured)
    {
        CompareResult[] bars = [.. results.Where(result => result.Server != ServerKind.Bare)];
        File.WriteAllText(file, $"{new CompareChart(bars).Draw(bars, howMeasured)}\n");
    }

    private XElement Draw(CompareResult[] results, string howMeasured)
    {
        DrawLegend(howMeasured);
        int y = Top;
        foreach (CompareResult[][] pair in results.GroupBy(result => result.Load).Select(load => load.ToArray()).Chunk(2))
        {
            for (int i = 0; i < pair.Length; i++)
            {
                DrawPanel(pair[i], Margin + (i * (PanelWidth + Margin)), y);
            }

            y += TitleHeight + (pair.Max(panel => panel.Length) * RowHeight) + PanelGap;
        }

        return _drawing.ToSvg(Width, y, "Throughput of echo servers as ratios to bare Kestrel");
    }

    private void DrawLegend(string howMeasured)
    {
        _drawing.Text(Margin, 32, "text title", "Echo throughput, bare Kestrel = 1");
        _drawing.Text(Margin, 52, "quiet", howMeasured);
        (string Class, string Text, int X)[] entries =
        [
            ("ours", "this library", 0), ("sockets", "on the Socket driver", 110), ("limit", "limit: one bare epoll loop", 266),
        ];
        foreach ((string style, string text, int x) in entries)
        {
            _drawing.Bar(Margin + x, 65, BarHeight, BarHeight, style);
            _drawing.Text(Margin + x + 17, 75, "text", text);
        }

        _drawing.Line(Margin + 454, 64, Margin + 454, 77, "baseline");
        _drawing.Text(Margin + 463, 75, "text", "bare Kestrel");
    }

    private void DrawPanel(CompareResult[] results, int x, int y)
    {
        LoadScenario load = results[0].Load;
        _drawing.Text(x, y + 12, "text load", load.UsesTls ? $"{load.Name}, per CPU second of the server" : load.Name);
        y += TitleHeight;
        int start = x + LabelWidth;
        for (int i = 0; i < results.Length; i++)
        {
            DrawBar(results[i], start, y + (i * RowHeight));
        }

        double one = start + _pixelsPerOne;
        _drawing.Line(one, y - 3, one, y + (results.Length * RowHeight) - 1, "baseline");
    }

    private void DrawBar(CompareResult result, double start, int y)
    {
        Spread ratio = result.Ratio;
        double middle = y + (BarHeight / 2.0);
        double end = start + (ratio.Median * _pixelsPerOne);
        double highest = start + Math.Min(ratio.Highest * _pixelsPerOne, BarsWidth);
        _drawing.Text(start - 8, y + 10, "text", result.Server.Name, endsThere: true);
        _drawing.Bar(start, y, end - start, BarHeight, ClassOf(result.Server));
        _drawing.Line(start + (ratio.Lowest * _pixelsPerOne), middle, highest, middle, "spread");
        _drawing.Text(Math.Max(end, Math.Max(highest, start + _pixelsPerOne)) + 5, y + 10, "text", ratio.Median.ToString("F2", CultureInfo.InvariantCulture));
    }

    private static string ClassOf(ServerKind server)
        => server == ServerKind.Limit ? "limit" : server.Driver == SocketTransportDriver.Socket ? "sockets" : "ours";
}
