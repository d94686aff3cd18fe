using System.Collections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer;

/// <summary>
/// The features of a connection: those that it is itself, and the few that others add. Smaller than a dictionary, as there is
/// one for each connection.
/// </summary>
internal sealed class TransportFeatures(TransportConnection connection) : IFeatureCollection
{
    private static readonly Type[] Own =
    [
        typeof(IConnectionIdFeature),
        typeof(IConnectionTransportFeature),
        typeof(IConnectionItemsFeature),
        typeof(IConnectionLifetimeFeature),
        typeof(IConnectionEndPointFeature),
        typeof(IConnectionSocketFeature),
        typeof(IMemoryPoolFeature),
        typeof(IConnectionControl),
    ];

    private KeyValuePair<Type, object?>[] _added = new KeyValuePair<Type, object?>[4];
    private int _count;

    public bool IsReadOnly => false;

    public int Revision { get; private set; }

    public object? this[Type key]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(key);

            int index = IndexOf(key);
            return index >= 0 ? _added[index].Value : Own.AsSpan().Contains(key) ? connection : null;
        }

        set
        {
            ArgumentNullException.ThrowIfNull(key);

            Revision++;
            int index = IndexOf(key);
            if (index < 0)
            {
                if (_count == _added.Length)
                {
                    Array.Resize(ref _added, _count * 2);
                }

                index = _count++;
            }

            _added[index] = new(key, value);
        }
    }

    public TFeature? Get<TFeature>() => (TFeature?)this[typeof(TFeature)];

    public void Set<TFeature>(TFeature? instance) => this[typeof(TFeature)] = instance;

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator()
    {
        foreach (Type own in Own)
        {
            if (IndexOf(own) < 0)
            {
                yield return new(own, connection);
            }
        }

        for (int i = 0; i < _count; i++)
        {
            if (_added[i].Value is { } value)
            {
                yield return new(_added[i].Key, value);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int IndexOf(Type key)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_added[i].Key == key)
            {
                return i;
            }
        }

        return -1;
    }
}
