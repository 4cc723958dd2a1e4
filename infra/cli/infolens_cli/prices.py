"""AWS's public prices in one dated table; each can be replaced by a flag of `infolens cost`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

AS_OF = "2025-08"
"""Month of the table: the one from which on Lambda bills the init phase in all cases."""

REGION = "us-east-1"
SOURCE = "https://aws.amazon.com/{}/pricing/, first tier, no free tier, no savings plan"

ARCHITECTURES = ("x86_64", "arm64")


@dataclass(frozen=True)
class Price:
    """What one unit costs."""

    dollars: float
    per: float
    """Units that `dollars` buy, as AWS quotes them."""
    unit: str
    page: str
    """Page of SOURCE."""

    @property
    def each(self) -> float:
        """Dollars of one unit."""
        return self.dollars / self.per

    @property
    def words(self) -> str:
        """The price as AWS quotes it, for example "$0.2 per 1,000,000 requests"."""
        amount = f"{self.per:,.0f} " if self.per != 1 else ""
        return f"${self.dollars:.10f}".rstrip("0").rstrip(".") + f" per {amount}{self.unit}"


PRICES: Mapping[str, Price] = {
    "lambda-request": Price(0.20, 1e6, "requests", "lambda"),
    "lambda-duration-x86_64": Price(0.0000166667, 1, "GB-s", "lambda"),
    "lambda-duration-arm64": Price(0.0000133334, 1, "GB-s", "lambda"),
    "provisioned-duration-x86_64": Price(0.0000097222, 1, "GB-s", "lambda"),
    "provisioned-duration-arm64": Price(0.0000077778, 1, "GB-s", "lambda"),
    "provisioned-x86_64": Price(0.0000041667, 1, "GB-s", "lambda"),
    "provisioned-arm64": Price(0.0000033334, 1, "GB-s", "lambda"),
    "snapstart-cache": Price(0.0000015046, 1, "GB-s", "lambda"),
    "snapstart-restore": Price(0.0001397998, 1, "GB", "lambda"),
    "api-request": Price(3.50, 1e6, "requests", "api-gateway"),
    "dynamodb-write": Price(0.625, 1e6, "writes", "dynamodb/on-demand"),
    "s3-get": Price(0.0004, 1e3, "requests", "s3"),
    "logs-ingested": Price(0.50, 1, "GB", "cloudwatch"),
    "custom-metric": Price(0.30, 1, "metric and month", "cloudwatch"),
}
"""Name -> price. SQS and log storage are left out: they are below a hundredth of the rest at any traffic."""


class UnknownPriceError(ValueError):
    """A price was replaced that there is not."""


def replaced(given: Mapping[str, float]) -> dict[str, Price]:
    """The table with some prices replaced: name -> dollars per as many units as AWS quotes.

    Raises:
        UnknownPriceError: a name is none of the table's.
    """
    if unknown := sorted(set(given) - set(PRICES)):
        raise UnknownPriceError(f"{unknown[0]} is none of {', '.join(PRICES)}")
    return {
        name: Price(given.get(name, price.dollars), price.per, price.unit, price.page) for name, price in PRICES.items()
    }
