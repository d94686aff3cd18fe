namespace KestrelSocketServer.Benchmarks;

/// <summary>The process that is measured: one server of a kind.</summary>
internal static class EchoServer
{
    public const string Verb = "server";

    public static async Task RunAsync(ServerKind kind)
    {
        await using IMeasuredServer server = Create(kind);
        ServerQuestions.AnswerAll(await server.StartAsync(), static () => 0);
    }

    private static IMeasuredServer Create(ServerKind kind) => kind.Style switch
    {
        null => new LimitServer(),
        EchoStyle style when style == EchoStyle.Bare => new BareServer(style),
        EchoStyle style => LibraryServer.Create(style, kind.Driver, kind.HasTls),
    };
}
