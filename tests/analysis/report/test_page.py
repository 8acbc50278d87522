import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import msgspec
import pytest

from twoloops.analysis.report.page import write_report
from twoloops.convergence.replays.outcome import Informative, Loops, Node, TurnFigures
from twoloops.records.errors import MissingExtraError, UserError

VOID = {"meta", "img", "br", "hr", "link", "input"}
SECTIONS = [
    "loops",
    "caveats",
    "courses",
    "turns",
    "money",
    "gate",
    "lineage",
    "compute",
    "informative",
    "quarantined",
    "definitions",
]
EMPTY_TURN = TurnFigures(
    turn=2, period="2003", observations=0, scored=0, labels_total=90, accuracy=None
)


class Page(HTMLParser):
    """Reads a page: complains of tags out of balance, keeps text, ids and addresses."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.addresses, self.words, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                self.addresses.append(value)
            if name in ("alt", "aria-label"):
                self.words.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def drawn(tmp_path, result, images=None):
    path = tmp_path / "deep" / "report.html"
    write_report(result, path, images or {})
    text = path.read_text(encoding="utf-8")
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    return text


def flat(page):
    return re.sub(r"\s+", " ", " ".join(page.words))


def check(text):
    """Assert what holds of every report, and return it as read."""
    page = Page(text)
    assert len(text.encode()) < 2_000_000
    assert [identity for identity in page.ids if identity in SECTIONS] == SECTIONS
    assert len(page.ids) == len(set(page.ids))
    for address in page.addresses:
        assert address.startswith(("#", "data:image/"))
        if address.startswith("#"):
            assert address[1:] in page.ids
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert "@import" not in text
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", text))
    svgs = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert svgs
    for svg in svgs:
        ET.fromstring(svg)
    assert not re.search(r"\b(None|nan|NaN|inf|Infinity|null|undefined)\b", flat(page))
    return page


def test_a_report_has_its_sections_and_needs_nothing_else(tmp_path, example_result):
    page = check(drawn(tmp_path, example_result()))
    text = flat(page)
    for said in (
        "the interaction of the two loops cannot be told apart from zero on this stream",
        "In log-odds, the two loops compound on this stream",
        "+0.9 points",
        "95\xa0% −0.2 … +2.0",
        "everything labelled",
        "keyword rules",
        "majority class",
        "the experts' keyword rules",
        "base adopted: builtin/char-ngram+minilm",
        "8 of 10 turns ended in a release",
        "the labels pay for themselves after 118 observations",
        "Equal quality not measured.",
        "list price as of 2026-10-01",
        "3.2 × 10¹³ FLOP",
        "BUCKET CYLINDER WEEPING",
        "row 3,112",
        "Made by twoloops 0.1.0",
    ):
        assert said.replace("\xa0", " ") in text.replace("\xa0", " ")


def test_caveats_stand_directly_below_the_thesis(tmp_path, example_result):
    text = drawn(tmp_path, example_result())
    assert text.index('id="loops"') < text.index("five hand-written patterns reach")
    assert text.index("five hand-written patterns reach") < text.index('id="courses"')


def test_without_a_normal_label_rates_are_not_defined(tmp_path, example_result):
    text = flat(check(drawn(tmp_path, example_result(normal=None))))
    assert "Faults found (detection rate): not defined (no normal label)." in text
    assert "Money saved and break-even: not defined (no normal label)." in text
    assert "none of them is normal" in text


def test_a_single_turn_and_an_empty_turn_are_drawn(tmp_path, example_result):
    check(drawn(tmp_path, example_result(turns=1)))
    one = example_result(turns=2)
    empty = msgspec.structs.replace(one, turns=(one.turns[0], EMPTY_TURN))
    text = flat(check(drawn(tmp_path, empty)))
    assert "nothing of that kind could be scored" in text
    nothing = msgspec.structs.replace(
        example_result(turns=1),
        **{
            name: (EMPTY_TURN,)
            for name in ("turns", "neither", "models", "data", "everything", "keyword_rules")
        },
    )
    assert "Accuracy: no figure." in flat(check(drawn(tmp_path, nothing)))


def test_a_result_with_nothing_in_it_is_still_a_page(tmp_path, example_result):
    none = ("turns", "neither", "models", "data", "everything", "keyword_rules", "majority")
    lists = ("nodes", "edges", "informative", "caveats", "quarantined")
    empty = msgspec.structs.replace(
        example_result(), **{name: () for name in (*none, *lists)}, bases={}
    )
    text = flat(check(drawn(tmp_path, empty)))
    assert "No lineage was recorded." in text
    assert "No item was quarantined." in text
    assert "This replay recorded no caveat of its own." in text


def test_zero_everywhere_is_said_plainly(tmp_path, example_result):
    loops = Loops(
        neither=0.0,
        models=0.0,
        data=0.0,
        both=0.0,
        interaction=0.0,
        interval=(0.0, 0.0),
        interaction_log_odds=0.0,
        interval_log_odds=(0.0, 0.0),
        everything=0.0,
    )
    base = example_result(turns=3)
    flat_turns = tuple(
        msgspec.structs.replace(t, accuracy=0.0, detection_rate=0.0, false_reject_rate=0.0)
        for t in base.turns
    )
    money = msgspec.structs.replace(
        base.money,
        labels_spent=0.0,
        label_cost=0.0,
        spent_by_turn=(0.0, 0.0, 0.0),
        saved=0.0,
        break_even_observations=None,
    )
    price = msgspec.structs.replace(
        base.price,
        ours_per_million=0.0,
        ours_of_which_labels=0.0,
        ours_of_which_compute=0.0,
        frontier_per_million=0.0,
    )
    names = ("turns", "neither", "models", "data", "everything", "keyword_rules")
    result = msgspec.structs.replace(
        base,
        loops=loops,
        loops_without_gate=loops,
        money=money,
        price=price,
        **{name: flat_turns for name in names},
    )
    text = flat(check(drawn(tmp_path, result)))
    assert "the two loops do not compound on this stream: the interaction is exactly zero" in text


def test_a_negative_interaction_is_said_as_plainly(tmp_path, example_result):
    base = example_result()
    loops = msgspec.structs.replace(
        base.loops,
        both=0.87,
        interaction=-0.034,
        interval=(-0.05, -0.02),
        interaction_log_odds=-0.3,
        interval_log_odds=(-0.4, -0.2),
    )
    money = msgspec.structs.replace(base.money, saved=-300.0, break_even_observations=None)
    result = msgspec.structs.replace(base, loops=loops, money=money)
    text = flat(check(drawn(tmp_path, result)))
    assert "With the gate in force, the two loops do not compound on this stream" in text
    assert "300 USD lost against the first model" in text
    assert "Break-even: never at the measured rate" in text


def test_what_is_not_a_number_is_not_printed_as_one(tmp_path, example_result):
    nan = float("nan")
    base = example_result(turns=2)
    loops = msgspec.structs.replace(
        base.loops, models=nan, interaction=nan, interval=(nan, nan), everything=nan
    )
    check(drawn(tmp_path, msgspec.structs.replace(base, loops=loops)))


def test_sixty_labels_and_sixty_turns_stay_small(tmp_path, example_result):
    text = drawn(tmp_path, example_result(turns=60, labels=60))
    assert "and 47 more" in flat(check(text))


def test_everything_from_data_is_escaped(tmp_path, example_result):
    evil = "<script>alert(1)</script>\"'&\x00\x1b[31m\ud800\u202e]]>"
    base = example_result(turns=2)
    turn = msgspec.structs.replace(
        base.turns[0], period=evil, base=evil, reason=evil, base_note=evil, released=False
    )
    result = msgspec.structs.replace(
        base,
        source=evil,
        task=evil,
        kind=evil,
        labels=(evil, "b"),
        normal=evil,
        turns=(turn, base.turns[1]),
        neither=(turn, base.turns[1]),
        nodes=(*base.nodes, Node(id=evil, kind="model", title=evil, detail=evil)),
        informative=(Informative(text=evil * 200, decided=evil, truth=evil, margin=0.0),),
        caveats=(evil,),
        quarantined=(evil,) * 3,
        bases={evil: evil},
        version=evil,
        money=msgspec.structs.replace(base.money, currency=evil),
        price=msgspec.structs.replace(
            base.price,
            frontier_model=evil,
            frontier_as_of=evil,
            frontier_source="<img src=https://example.com/a.png>",
            note=evil,
        ),
    )
    text = drawn(tmp_path, result)
    check(text)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "\x00" not in text
    assert "\x1b" not in text


def test_inputs_are_shown_inline(tmp_path, with_inputs):
    result, images = with_inputs
    text = drawn(tmp_path, result, images)
    page = check(text)
    assert text.count("data:image/png;base64,") == 2
    assert text.count("data:image/jpeg;base64,") == 1  # the large one, made smaller
    assert text.count('class="spark"') == 1
    assert flat(page).count("(this input cannot be shown)") == 2


def test_quarantined_items_are_counted_and_the_first_listed(tmp_path, example_result):
    many = tuple(f"row {number}: ragged" for number in range(1, 74))
    text = flat(check(drawn(tmp_path, example_result(turns=1, quarantined=many))))
    assert "73 items could not be used" in text
    assert "row 20: ragged" in text
    assert "row 21: ragged" not in text
    assert "and 53 more" in text


def test_the_same_result_gives_the_same_page(tmp_path, example_result):
    first = drawn(tmp_path, example_result(turns=2))
    assert drawn(tmp_path, example_result(turns=2)) == first


def test_a_missing_extra_names_the_line_that_installs_it(tmp_path, example_result, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'twoloops\[server\]'"):
        write_report(example_result(turns=1), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path, example_result):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"the report cannot be written to .*give another place"):
        write_report(example_result(turns=1), tmp_path / "file" / "report.html")
