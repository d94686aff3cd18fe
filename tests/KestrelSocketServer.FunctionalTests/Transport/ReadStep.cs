namespace KestrelSocketServer.FunctionalTests.Transport;

/// <summary>One read of a <see cref="SteppingReader"/>.</summary>
/// <param name="Kind">How it reads.</param>
/// <param name="Consumed">How many eighths of what it gets it consumes, rounded up.</param>
/// <param name="Examined">How many eighths it examines.</param>
public sealed record ReadStep(ReadStepKind Kind, int Consumed, int Examined)
{
    public bool Progresses => Consumed > 0 && Kind is ReadStepKind.Read or ReadStepKind.ReadAtLeast;
}
