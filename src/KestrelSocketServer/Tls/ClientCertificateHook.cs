using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;

namespace KestrelSocketServer.Tls;

/// <summary>
/// Judges a client's certificate while OpenSSL is in its handshake, so that OpenSSL itself refuses it and tells the client why, by an alert.
/// .NET 10 judges when OpenSSL has finished, where it has no way to send one; later versions do what is done here.
/// </summary>
/// <remarks>
/// By public functions of OpenSSL alone: where one is missing, or OpenSSL is not at hand, the connection is closed without an alert.
/// OpenSSL tells when an object is made for a connection; that belongs to the handshake in whose flow it is made.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class ClientCertificateHook
{
    private const int FailIfNoCertificate = 2;

    private static readonly AsyncLocal<ClientCertificateHook?> Current = new();
    private static readonly OpenSslLibrary? Library = Install();

    private readonly bool _isRequired;
    private readonly Func<X509Certificate2, X509Certificate2Collection, TlsAlert?> _judge;
    private nint _ssl;
    private bool _isJudged;
    private TlsAlert? _alert;

    private ClientCertificateHook(bool isRequired, Func<X509Certificate2, X509Certificate2Collection, TlsAlert?> judge)
    {
        _isRequired = isRequired;
        _judge = judge;
    }

    /// <summary>Waits for the handshake that begins in this flow.</summary>
    /// <param name="isRequired">Whether a client without a certificate is refused.</param>
    /// <param name="judge">Given the certificate and those that came along, returns why it is refused, if it is.</param>
    /// <returns>To be called when the handshake is under way, before the client's certificate is read; null where it cannot be hooked into.</returns>
    public static Action? Start(bool isRequired, Func<X509Certificate2, X509Certificate2Collection, TlsAlert?> judge)
    {
        if (Library is null)
        {
            return null;
        }

        var hook = new ClientCertificateHook(isRequired, judge);
        Current.Value = hook;
        return hook.Attach;
    }

    private void Attach()
    {
        if (_ssl != 0)
        {
            Library!.SetVerify(_ssl, _isRequired ? FailIfNoCertificate : 0, &OnVerify);
        }
    }

    private static OpenSslLibrary? Install()
    {
        OpenSslLibrary? library = Environment.Version.Major == 10 ? OpenSslLibrary.Find() : null;
        library?.SetOnSslCreated(&OnSslCreated);
        return library;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnSslCreated(nint ssl, nint data, nint all, int index, CLong number, nint pointer)
    {
        if (Current.Value is { } hook)
        {
            hook._ssl = ssl;
        }
    }

    // Called for each fault that OpenSSL finds, and for each certificate without one: at least once. What it found is not asked for.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnVerify(int isValid, nint store)
    {
        if (Current.Value is not { } hook)
        {
            return 1;
        }

        if (!hook._isJudged)
        {
            hook._isJudged = true;
            hook._alert = hook.Judge(store);
        }

        if (hook._alert is not { } alert)
        {
            return 1;
        }

        Library!.SetError(store, ErrorOf(alert));
        return 0;
    }

    private TlsAlert? Judge(nint store)
    {
        try
        {
            var others = new X509Certificate2Collection();
            foreach (byte[] other in Library!.GetOthers(store))
            {
                others.Add(X509CertificateLoader.LoadCertificate(other));
            }

            return _judge(X509CertificateLoader.LoadCertificate(Library.GetCertificate(store)), others);
        }
        catch (Exception)
        {
            // Nothing may be thrown through OpenSSL.
            return TlsAlert.BadCertificate;
        }
    }

    // What OpenSSL makes that alert of.
    private static int ErrorOf(TlsAlert alert) => alert switch
    {
        TlsAlert.CertificateExpired => 10,
        TlsAlert.UnknownAuthority => 19,
        TlsAlert.CertificateRevoked => 23,
        TlsAlert.UnsupportedCertificate => 26,
        TlsAlert.InternalError => 1,
        _ => 28,
    };
}
