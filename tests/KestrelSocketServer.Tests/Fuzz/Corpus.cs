using CsCheck;

namespace KestrelSocketServer.Tests.Fuzz;

/// <summary>Inputs that are worth beginning with, one file each, and what becomes of them by chance.</summary>
internal static class Corpus
{
    /// <summary>Inputs of a folder, each with a few changes, or with none.</summary>
    public static Gen<byte[]> Mutated(string folder)
    {
        byte[][] inputs = [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fuzz", "Corpus", folder)).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Gen<byte[]> any = Gen.Int[0, inputs.Length - 1].Select(number => inputs[number]);
        return Gen.Select(any, any, Gen.Select(Gen.Int[0, 5], Gen.Int[0, 1 << 20], Gen.Byte).Array[0, 8]).Select(
            (input, other, changes) => changes.Aggregate(input, (bytes, change) => Change(bytes, other, change.Item1, change.Item2, change.Item3)));
    }

    private static byte[] Change(byte[] bytes, byte[] other, int kind, int number, byte value)
    {
        int place = bytes.Length == 0 ? 0 : number % bytes.Length;
        return kind switch
        {
            0 when bytes.Length > 0 => [.. bytes[..place], value, .. bytes[(place + 1)..]],
            1 when bytes.Length > 0 => [.. bytes[..place], (byte)(bytes[place] ^ (1 << (value % 8))), .. bytes[(place + 1)..]],
            2 => [.. bytes[..place], value, .. bytes[place..]],
            3 when bytes.Length > 0 => [.. bytes[..place], .. bytes[(place + 1)..]],
            4 => bytes[..place],
            _ => [.. bytes[..place], .. other[(other.Length == 0 ? 0 : number % other.Length)..]],
        };
    }
}
