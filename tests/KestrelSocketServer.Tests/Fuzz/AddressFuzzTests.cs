using System.Text;
using CsCheck;
using KestrelSocketServer.Addresses;

namespace KestrelSocketServer.Tests.Fuzz;

public sealed class AddressFuzzTests
{
    [Fact]
    [Trait("Row", "A6")]
    [Trait("Row", "A16")]
    public void Any_text_is_an_address_that_prints_to_itself_or_an_error_that_explains() => Corpus.Mutated("addresses").Sample(bytes =>
    {
        string text = Encoding.UTF8.GetString(bytes);
        if (ListenAddress.TryParse(text, out ListenAddress? address))
        {
            Assert.Equal(address, ListenAddress.Parse(address.ToString()));
        }
        else
        {
            Assert.NotEmpty(ListenAddressErrors.Explain(text));
            Assert.Throws<ArgumentException>(() => ListenAddress.Parse(text));
        }
    });
}
