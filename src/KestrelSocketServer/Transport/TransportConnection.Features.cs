using System.Collections;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelSocketServer.Transport;

// The features of the connection: those that it is itself, and the few that others add. Neither a dictionary nor an object of its own,
// as there is one for each connection.
internal sealed partial class TransportConnection : IFeatureCollection
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

    private FirstFeatures _firstFeatures;
    private KeyValuePair<Type, object?>[]? _moreFeatures;
    private int _featureCount;
    private int _revision;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _revision;

    object? IFeatureCollection.this[Type key]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(key);

            int index = IndexOf(key);
            return index >= 0 ? FeatureAt(index).Value : Own.AsSpan().Contains(key) ? this : null;
        }

        set
        {
            ArgumentNullException.ThrowIfNull(key);

            _revision++;
            int index = IndexOf(key);
            if (index < 0)
            {
                index = _featureCount++;
                if (index >= FirstFeatures.Length && index - FirstFeatures.Length == (_moreFeatures?.Length ?? 0))
                {
                    Array.Resize(ref _moreFeatures, index);
                }
            }

            FeatureAt(index) = new(key, value);
        }
    }

    TFeature? IFeatureCollection.Get<TFeature>() where TFeature : default => (TFeature?)Features[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance) where TFeature : default => Features[typeof(TFeature)] = instance;

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
    {
        foreach (Type own in Own)
        {
            if (IndexOf(own) < 0)
            {
                yield return new(own, this);
            }
        }

        for (int i = 0; i < _featureCount; i++)
        {
            KeyValuePair<Type, object?> added = FeatureAt(i);
            if (added.Value is { } value)
            {
                yield return new(added.Key, value);
            }
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => Features.GetEnumerator();

    private int IndexOf(Type key)
    {
        for (int i = 0; i < _featureCount; i++)
        {
            if (FeatureAt(i).Key == key)
            {
                return i;
            }
        }

        return -1;
    }

    private ref KeyValuePair<Type, object?> FeatureAt(int index) => ref index < FirstFeatures.Length ? ref _firstFeatures[index] : ref _moreFeatures![index - FirstFeatures.Length];

    // As many as Kestrel adds to each connection.
    [InlineArray(Length)]
    private struct FirstFeatures
    {
        public const int Length = 4;

        private KeyValuePair<Type, object?> _element;
    }
}
