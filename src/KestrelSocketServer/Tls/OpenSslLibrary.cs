using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace KestrelSocketServer.Tls;

/// <summary>The functions of the OpenSSL that the runtime itself uses: calls of another copy of it would corrupt memory.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class OpenSslLibrary
{
    private const int SslClass = 0;

    private readonly delegate* unmanaged[Cdecl]<int, CLong, nint, delegate* unmanaged[Cdecl]<nint, nint, nint, int, CLong, nint, void>, nint, nint, int> _getNewIndex;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _getVerifyMode;
    private readonly delegate* unmanaged[Cdecl]<nint, int, delegate* unmanaged[Cdecl]<int, nint, int>, void> _setVerify;
    private readonly delegate* unmanaged[Cdecl]<nint, nint> _getCertificate;
    private readonly delegate* unmanaged[Cdecl]<nint, nint> _getUntrusted;
    private readonly delegate* unmanaged[Cdecl]<nint, int, void> _setError;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _count;
    private readonly delegate* unmanaged[Cdecl]<nint, int, nint> _item;
    private readonly delegate* unmanaged[Cdecl]<nint, byte**, int> _encode;

    private OpenSslLibrary(nint library)
    {
        _getNewIndex = (delegate* unmanaged[Cdecl]<int, CLong, nint, delegate* unmanaged[Cdecl]<nint, nint, nint, int, CLong, nint, void>, nint, nint, int>)Find("CRYPTO_get_ex_new_index");
        _getVerifyMode = (delegate* unmanaged[Cdecl]<nint, int>)Find("SSL_get_verify_mode");
        _setVerify = (delegate* unmanaged[Cdecl]<nint, int, delegate* unmanaged[Cdecl]<int, nint, int>, void>)Find("SSL_set_verify");
        _getCertificate = (delegate* unmanaged[Cdecl]<nint, nint>)Find("X509_STORE_CTX_get0_cert");
        _getUntrusted = (delegate* unmanaged[Cdecl]<nint, nint>)Find("X509_STORE_CTX_get0_untrusted");
        _setError = (delegate* unmanaged[Cdecl]<nint, int, void>)Find("X509_STORE_CTX_set_error");
        _count = (delegate* unmanaged[Cdecl]<nint, int>)Find("OPENSSL_sk_num");
        _item = (delegate* unmanaged[Cdecl]<nint, int, nint>)Find("OPENSSL_sk_value");
        _encode = (delegate* unmanaged[Cdecl]<nint, byte**, int>)Find("i2d_X509");

        void* Find(string name) => (void*)NativeLibrary.GetExport(library, name);
    }

    /// <summary>The one that is loaded; null where there is none, or more than one, or it lacks a function.</summary>
    public static OpenSslLibrary? Find()
    {
        try
        {
            // Asking for the version loads it. By this name the system gives the copy that is there.
            long major = SafeEvpPKeyHandle.OpenSslVersion >> 28;
            string name = major >= 3 ? $"libssl.so.{major}" : "libssl.so.1.1";
            return CountLoaded() == 1 && NativeLibrary.TryLoad(name, out nint library) && CountLoaded() == 1 ? new OpenSslLibrary(library) : null;
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or PlatformNotSupportedException or TypeInitializationException or IOException)
        {
            return null;
        }
    }

    /// <summary>Calls a function whenever an object for a connection is made, on the thread that makes it.</summary>
    public void SetOnSslCreated(delegate* unmanaged[Cdecl]<nint, nint, nint, int, CLong, nint, void> callback)
        => _getNewIndex(SslClass, new CLong(0), 0, callback, 0, 0);

    /// <summary>Has the certificates of a connection's peer looked at by a function.</summary>
    public void SetVerify(nint ssl, int mode, delegate* unmanaged[Cdecl]<int, nint, int> callback) => _setVerify(ssl, _getVerifyMode(ssl) | mode, callback);

    /// <summary>Tells why a certificate is refused.</summary>
    public void SetError(nint store, int error) => _setError(store, error);

    /// <summary>The certificate that is looked at.</summary>
    public byte[] GetCertificate(nint store) => Encode(_getCertificate(store));

    /// <summary>The certificates that the peer has sent along.</summary>
    public IEnumerable<byte[]> GetOthers(nint store)
    {
        nint others = _getUntrusted(store);
        int count = others == 0 ? 0 : _count(others);
        var encoded = new List<byte[]>();
        for (int i = 0; i < count; i++)
        {
            encoded.Add(Encode(_item(others, i)));
        }

        return encoded;
    }

    private byte[] Encode(nint certificate)
    {
        byte[] encoded = new byte[Math.Max(_encode(certificate, null), 0)];
        fixed (byte* start = encoded)
        {
            byte* next = start;
            _ = _encode(certificate, &next);
        }

        return encoded;
    }

    private static int CountLoaded()
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Count(static module => module.ModuleName.StartsWith("libssl.so", StringComparison.Ordinal));
    }
}
