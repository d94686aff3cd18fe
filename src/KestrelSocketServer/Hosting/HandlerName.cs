using System.Diagnostics;

namespace KestrelSocketServer.Hosting;

/// <summary>What handlers are called in logs and metrics.</summary>
internal static class HandlerName
{
    public static string Get(Type handler) => handler.FullName ?? handler.Name;

    /// <remarks>A lambda has the name that the compiler gave it, which holds the name of the method around it.</remarks>
    public static string Get(Delegate handler) => DiagnosticMethodInfo.Create(handler) is { } method
        ? $"{method.DeclaringTypeName}.{method.Name}"
        : handler.GetType().Name;
}
