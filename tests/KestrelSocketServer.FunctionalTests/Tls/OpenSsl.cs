using System.Diagnostics;

namespace KestrelSocketServer.FunctionalTests.Tls;

/// <summary>Runs the openssl command.</summary>
internal static class OpenSsl
{
    /// <summary>Runs it to its end and gives what it wrote, to both of its outputs.</summary>
    public static async Task<string> RunAsync(string input, params string[] arguments)
    {
        using Process process = Start(arguments);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            await WriteInputAsync(process, input);
            await process.WaitForExitAsync().Soon();
            return await output.Soon() + await errors.Soon();
        }
        finally
        {
            Kill(process);
        }
    }

    /// <summary>Runs it in a folder and fails where it fails.</summary>
    public static async Task RunInAsync(string folder, params string[] arguments)
    {
        using Process process = Start(folder, arguments);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            process.StandardInput.Close();
            await process.WaitForExitAsync().Soon();
            Assert.True(process.ExitCode == 0, $"openssl {string.Join(' ', arguments)}: {await errors.Soon()}{await output.Soon()}");
        }
        finally
        {
            Kill(process);
        }
    }

    /// <summary>Starts it; to be killed by <see cref="Kill"/>.</summary>
    public static Process Start(params string[] arguments) => Start(Environment.CurrentDirectory, arguments);

    private static Process Start(string folder, string[] arguments)
        => Process.Start(new ProcessStartInfo("openssl", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    public static void Kill(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill();
        }
    }

    private static async Task WriteInputAsync(Process process, string input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before it read everything, as it does when the server has: what it wrote tells.
        }
    }
}
