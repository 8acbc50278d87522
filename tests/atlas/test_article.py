"""The article's tables name claims, facts and sources that there are."""

import pytest

from twoloops.atlas import article
from twoloops.atlas.claims import claims
from twoloops.atlas.facts import facts
from twoloops.atlas.prices import price_on, prices
from twoloops.atlas.tables import sources

CLAIMS = {one.id: one for one in claims()}
FACTS = {one.id for one in facts()}


@pytest.mark.parametrize("exhibit", ["landscape", "applications"])
def test_leaders_stand_in_pairs_and_name_claims(exhibit):
    rows = article.leaders(exhibit)
    assert rows
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert one.dimension == other.dimension
        assert one.bloc != other.bloc
        assert CLAIMS[one.low].unit == CLAIMS[other.low].unit
        assert not one.high or one.high in CLAIMS


def test_downloads_name_claims():
    for row in article.downloads():
        assert {row.downloads, row.derivatives, row.country} <= set(CLAIMS)
        assert row.model in CLAIMS[row.downloads].claim


def test_prices_name_claims_and_a_list_price():
    for row in article.priced_models():
        assert {f"{kind}_{row.key}" for kind in ("II", "PR", "VR")} <= set(CLAIMS)
        assert price_on(prices(), row.provider, row.listed, row.on) is not None


@pytest.mark.parametrize("exhibit", ["data-asset", "distillation"])
def test_events_have_a_date_of_the_article_or_of_others(exhibit):
    for row in article.events(exhibit):
        assert row.claim or row.fact or row.on
        assert not row.claim or row.claim in CLAIMS
        assert not row.fact or row.fact in FACTS
        assert row.source in sources()
