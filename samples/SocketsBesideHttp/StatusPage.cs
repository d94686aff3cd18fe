using System.Text.Encodings.Web;

namespace SocketsBesideHttp;

/// <summary>A page without scripts that lists the endpoints and asks for itself again every two seconds.</summary>
internal static class StatusPage
{
    public static string Render(IEnumerable<EndpointStatus> endpoints) => $$"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
          <meta charset="utf-8">
          <meta name="viewport" content="width=device-width, initial-scale=1">
          <meta http-equiv="refresh" content="2">
          <title>Sockets beside HTTP</title>
          <style>
            :root { color-scheme: light dark; }
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
            table { width: 100%; border-collapse: collapse; }
            th, td { padding: .5rem .75rem; text-align: left; border-bottom: 1px solid #8884; }
            td:nth-child(3), th:nth-child(3) { text-align: right; font-variant-numeric: tabular-nums; }
            code { font-family: ui-monospace, monospace; }
          </style>
        </head>
        <body>
          <h1>Sockets beside HTTP</h1>
          <p>This page comes over HTTP. The endpoints below are raw TCP, in the same process.</p>
          <table>
            <thead><tr><th>Endpoint</th><th>Address</th><th>Connections</th><th>Try it</th></tr></thead>
            <tbody>
        {{string.Join('\n', endpoints.Select(RenderRow))}}
            </tbody>
          </table>
          <p>The same as JSON: <a href="/endpoints">/endpoints</a></p>
        </body>
        </html>

        """;

    private static string RenderRow(EndpointStatus endpoint) =>
        $"      <tr><td>{Encode(endpoint.Name)}</td><td><code>{Encode(endpoint.Address ?? "not listening")}</code></td>"
        + $"<td>{endpoint.Connections}</td><td><code>{Encode(endpoint.TryIt ?? "")}</code></td></tr>";

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
