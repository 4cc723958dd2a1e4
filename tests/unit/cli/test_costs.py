"""A month's bill, worked out by hand beside it."""

import pytest

from infolens_cli.costs import Around, Served, Traffic, month
from infolens_cli.prices import PRICES, UnknownPriceError, replaced

S0 = Traffic(3000)
"""3000/h x 730 h = 2,190,000 requests a month."""

SERVED = Served(milliseconds=13.2, memory_mb=2048, init_milliseconds=1500.0, cold_share=0.01, bundle_mb=67.0)


def dollars(bill) -> dict[str, float]:
    """Line -> dollars."""
    return {line.what: line.dollars for line in bill.lines}


def test_a_month_on_demand():
    """Every line by hand, with the prices of August 2025."""
    found = dollars(month(S0, SERVED, PRICES))
    assert found == {
        "requests": pytest.approx(0.438),  # 2.19 million at 0.20
        "duration": pytest.approx(1.0220020, rel=1e-5),  # 2,190,000 x 0.014 s x 2 GB = 61,320 GB-s at 0.0000166667
        "cold starts": pytest.approx(1.0950022, rel=1e-5),  # 21,900 x 1.5 s x 2 GB = 65,700 GB-s
        "bundle downloads": pytest.approx(0.078840),  # 21,900 x (8 parts + the manifest) = 197,100 at 0.0004 a thousand
        "API Gateway": pytest.approx(7.665),  # 2.19 million at 3.50
        "API function, requests": pytest.approx(0.438),
        "API function, duration": pytest.approx(1.0585021, rel=1e-5),  # 2,190,000 x 0.029 s x 1 GB = 63,510 GB-s
        "DynamoDB": pytest.approx(2.7375),  # 4.38 million writes at 0.625
        "logs": pytest.approx(1.971),  # 2,190,000 x 1800 bytes = 3.942 GB at 0.50
        "metrics": pytest.approx(1.5),  # 5 at 0.30
    }


def test_sum_and_thousand():
    """The month is its lines; a thousand answers are the month over 2190."""
    bill = month(S0, SERVED, PRICES)
    assert bill.dollars == pytest.approx(18.0038463, rel=1e-5)
    assert bill.answers == 2_190_000
    assert bill.dollars_per_thousand == pytest.approx(0.0082209, rel=1e-4)


def test_arm64():
    """Duration and cold starts at arm64's price: 61,320 and 65,700 GB-s at 0.0000133334."""
    found = dollars(month(S0, Served(13.2, 2048, 1500.0, 0.01, architecture="arm64"), PRICES))
    assert (found["duration"], found["cold starts"]) == (pytest.approx(0.8176041), pytest.approx(0.8760044))


def test_snap_start():
    """Snapshots of two versions, kept for 2 x 2 GB x 2,628,000 s, and 21,900 restores of 2 GB; no init phase."""
    found = dollars(month(S0, Served(13.2, 2048, 1500.0, 0.01, snap_start=True, versions=2), PRICES))
    assert found["snapshots kept"] == pytest.approx(15.8163552)  # 10,512,000 GB-s at 0.0000015046
    assert found["snapshots restored"] == pytest.approx(6.1232312)  # 43,800 GB at 0.0001397998
    assert "cold starts" not in found
    assert found["metrics"] == pytest.approx(3.0)


def test_provisioned_concurrency():
    """Three environments of 2 GB for a month, and a lower price of duration; nobody waits for a cold start."""
    found = dollars(month(S0, Served(13.2, 2048, 1500.0, 0.01, provisioned=3), PRICES))
    assert found["provisioned concurrency"] == pytest.approx(65.7005256)  # 3 x 2 x 2,628,000 = 15,768,000 GB-s
    assert found["duration"] == pytest.approx(0.5961653)  # 61,320 GB-s at 0.0000097222
    assert "cold starts" not in found


def test_a_batch():
    """32 rows share a request, and no API is before it."""
    bill = month(Traffic(100, 32, through_api=False), SERVED, PRICES)
    assert bill.answers == 100 * 730 * 32
    assert not {"API Gateway", "API function, duration", "DynamoDB"} & set(dollars(bill))


@pytest.mark.parametrize(("milliseconds", "billed"), [(13.0, 13), (13.001, 14)])
def test_begun_milliseconds_count_whole(milliseconds, billed):
    """As Lambda bills them."""
    bill = month(Traffic(1), Served(milliseconds, 1024, 0.0, 0.0), PRICES)
    assert next(line for line in bill.lines if line.what == "duration").units == pytest.approx(730 * billed / 1000)


def test_the_arithmetic_is_shown():
    """What a reader needs to check a line with a calculator stands in it."""
    bill = month(S0, SERVED, PRICES, Around())
    assert [line.arithmetic for line in bill.lines][:3] == [
        "3,000/h x 730 h = 2,190,000, at $0.2 per 1,000,000 requests",
        "2,190,000 x 14 ms x 2 GB = 61,320, at $0.0000166667 per GB-s",
        "2,190,000 x 1 % cold x 1,500 ms x 2 GB = 65,700, at $0.0000166667 per GB-s",
    ]


def test_a_replaced_price():
    """Dollars for as many units as AWS quotes them."""
    found = dollars(month(S0, SERVED, replaced({"api-request": 1.0})))
    assert found["API Gateway"] == pytest.approx(2.19)


def test_an_unknown_price():
    """A name that is none would be a bill without the change that was asked for."""
    with pytest.raises(UnknownPriceError, match="tokens is none of lambda-request"):
        replaced({"tokens": 1.0})
