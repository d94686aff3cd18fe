namespace KestrelSocketServer.Diagnostics;

/// <summary>What is measured of a connection while it is open.</summary>
/// <param name="Started">When it was opened.</param>
/// <param name="IsTimed">Whether its duration is measured.</param>
/// <param name="IsCounted">Whether it is among the active ones.</param>
internal readonly record struct ConnectionMeasurement(long Started, bool IsTimed, bool IsCounted);
