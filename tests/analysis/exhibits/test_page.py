"""The page as text; in a browser it is tried by `test_browser`."""

import html.parser
import json
import re

import pytest

from twoloops.analysis.exhibits.collection import gathered
from twoloops.analysis.exhibits.page import page

EVIL = "</script><img src=x onerror=alert(1)> & <b>"


class Reader(html.parser.HTMLParser):
    """Collects ids, links, resources and data of a page."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.resources, self.tags, self.data = [], [], [], [], []
        self.in_data = False

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag != "a":
            self.resources += [found[name] for name in ("src", "href", "data") if name in found]
        self.in_data = found.get("type") == "application/json"

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data.append(data)


@pytest.fixture(scope="module")
def written(collection):
    return page(collection)


@pytest.fixture(scope="module")
def read(written):
    reader = Reader()
    reader.feed(written)
    return reader


def test_nothing_is_loaded_from_anywhere(read):
    assert all(one.startswith(("#", "data:")) for one in read.resources)
    assert "link" not in read.tags
    assert "img" not in read.tags


def test_its_policy_forbids_every_request(written):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', written).group(1)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_ids_are_single_and_links_within_the_page_lead_somewhere(read):
    assert len(read.ids) == len(set(read.ids))
    inside = [link[1:] for link in read.links if link.startswith("#")]
    assert set(inside) <= set(read.ids)


def test_every_chart_has_its_data_and_a_drawing(read, written, collection):
    charts = [chart for one in collection.exhibits for chart in one.charts]
    assert len(read.data) == len(charts)
    assert written.count("data-chart=") == len(charts)
    assert read.tags.count("svg") >= len(charts)
    for data, chart in zip(read.data, charts, strict=True):
        assert json.loads(data)["$schema"] == chart.spec["$schema"]


def test_every_source_is_listed_with_its_licence(written, collection):
    for source in collection.sources:
        assert f"licence {source.licence}" in written
    assert "Credit: Epoch AI" in written


def test_the_corrections_stand_on_the_page(written, collection):
    assert 'id="corrections"' in written
    assert len(collection.corrections.rows) > 20


def test_text_of_the_data_cannot_become_markup(make_small):
    shown = page(gathered(EVIL, (EVIL,), EVIL, [make_small(EVIL)]))
    assert "<img src=x" not in shown
    reader = Reader()
    reader.feed(shown)
    assert json.loads(reader.data[0])["data"]["values"][0]["name"] == EVIL


def test_a_page_of_ones_own_has_no_corrections(make_small):
    shown = page(gathered("Mine", (), "here", [make_small()]))
    assert 'id="corrections"' not in shown
