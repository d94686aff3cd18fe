using Microsoft.AspNetCore.Hosting;

namespace KestrelSocketServer.Benchmarks;

/// <summary>An echo whose connections have all time-outs, long ones, or none.</summary>
internal static class TimeoutServer
{
    public const string Verb = "timeout-server";

    public const string With = "all time-outs";

    public const string Without = "no time-outs";

    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    public static async Task RunAsync(string name)
    {
        await using var server = new LibraryServer((server, _) => server.Listen("echo", 0, listen => listen.UseSocketHandler(
            static connection => connection.Data += chunk => connection.Write(chunk),
            options =>
            {
                if (name == With)
                {
                    options.FirstByteTimeout = options.ReadTimeout = options.WriteTimeout = Long;
                    options.IdleTimeout = options.HalfClosedTimeout = options.MaxConnectionAge = Long;
                }
            })));
        ServerQuestions.AnswerAll(await server.StartAsync(), static () => 0);
    }
}
