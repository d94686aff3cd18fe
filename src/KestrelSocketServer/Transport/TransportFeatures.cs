using System.Collections;
using System.Runtime.CompilerServices;
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

    private First _first;
    private KeyValuePair<Type, object?>[]? _more;
    private int _count;

    public bool IsReadOnly => false;

    public int Revision { get; private set; }

    public object? this[Type key]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(key);

            int index = IndexOf(key);
            return index >= 0 ? At(index).Value : Own.AsSpan().Contains(key) ? connection : null;
        }

        set
        {
            ArgumentNullException.ThrowIfNull(key);

            Revision++;
            int index = IndexOf(key);
            if (index < 0)
            {
                index = _count++;
                if (index >= First.Length && index - First.Length == (_more?.Length ?? 0))
                {
                    Array.Resize(ref _more, index);
                }
            }

            At(index) = new(key, value);
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
            KeyValuePair<Type, object?> added = At(i);
            if (added.Value is { } value)
            {
                yield return new(added.Key, value);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int IndexOf(Type key)
    {
        for (int i = 0; i < _count; i++)
        {
            if (At(i).Key == key)
            {
                return i;
            }
        }

        return -1;
    }

    private ref KeyValuePair<Type, object?> At(int index) => ref index < First.Length ? ref _first[index] : ref _more![index - First.Length];

    // As many as Kestrel adds to each connection.
    [InlineArray(Length)]
    private struct First
    {
        public const int Length = 4;

        private KeyValuePair<Type, object?> _element;
    }
}
