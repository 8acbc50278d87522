"""Licences, pasts and publishers: what is stated, what the table knows, what is open."""

from datetime import date
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.contracts import licences
from twoloops.digital.vetting.book import Book
from twoloops.digital.vetting.judging import verdicts
from twoloops.digital.vetting.licensing import inspect_licence, inspect_origin
from twoloops.digital.vetting.stated import Stated, front_matter, of_package
from twoloops.records.base import Ancestor
from twoloops.records.finding import PURPOSES, Finding, PinnedFile

TODAY = date(2026, 11, 23)


def needs(stated: Stated, *files: str, today: date = TODAY) -> dict[str, list[str]]:
    """What each purpose needs."""
    book = Book()
    pinned = [PinnedFile(name, 1, "sha256:0", "text") for name in files]
    inspect_licence(stated, pinned, today, book)
    return {one.purpose: list(one.because) for one in verdicts(book.findings)}


def stated(licence: str, **others) -> Stated:
    return Stated(**{"licence": licence, "where": "README.md", "complete": True, **others})


@pytest.mark.parametrize("name", [one.id for one in licences()])
def test_every_licence_of_the_table_gives_what_it_asks_for(name) -> None:
    row = next(one for one in licences() if one.id == name)
    found = needs(stated(name))
    for part in filter(None, row.must.split(",")):
        assert part.strip() in " ".join(found["publish"] + found["distribute"])
    book = Book()
    (terms,) = inspect_licence(stated(name), [], TODAY, book)
    assert (terms.licence, terms.condition, terms.outputs) == (name, row.threshold, row.outputs)


def test_a_research_licence_stands_against_use_in_a_factory() -> None:
    assert needs(stated("qwen-research"))["internal"] == ["commercial use: ask Alibaba Cloud"]


def test_llamas_name_goes_with_a_derivative() -> None:
    book = Book()
    (terms,) = inspect_licence(stated("llama3.2"), [], TODAY, book)
    assert "begins with 'Llama'" in terms.outputs
    assert "'Built with Llama'" in needs(stated("llama3.2"))["publish"][1]


def test_use_limits_flow_into_students() -> None:
    for name in ("gemma", "deepseek"):
        book = Book()
        inspect_licence(stated(name), [], TODAY, book)
        assert any("students trained on its outputs" in one.got for one in book.findings)


@pytest.mark.parametrize("name", ["CC-BY-NC-4.0", "cc-by-nc-sa-4.0", "Non-Commercial X"])
def test_no_commercial_use_stands_against_every_purpose(name) -> None:
    assert all("an agreement" in because for because in needs(stated(name)).values())


def test_an_unknown_licence_stands_against_passing_on_but_not_against_trying() -> None:
    for unknown in ("unknown", "Some-Licence"):
        found = needs(stated(unknown))
        assert found["internal"] == []
        assert found["publish"]
        assert found["distribute"]


def test_an_unknown_ancestor_is_named() -> None:
    past = (Ancestor("a/b", "fine-tuned from", "a", "unknown", "card"),)
    found = needs(stated("MIT", lineage=past), "LICENSE")
    assert found["publish"] == ["the licence of a/b, the weights it was made from"]


def test_a_past_that_nobody_states_is_asked_for() -> None:
    found = needs(stated("MIT", complete=False), "LICENSE")
    assert found["internal"] == []
    assert found["distribute"] == [
        "its publisher's word: a base_model on its card, or that there is none"
    ]


def test_a_text_at_hand_is_not_asked_for_again() -> None:
    assert needs(stated("MIT"))["publish"] == ["copyright and permission notice"]
    assert needs(stated("MIT"), "LICENSE")["publish"] == []
    assert needs(stated("Apache-2.0"), "LICENSE.txt", "NOTICE")["publish"] == [
        "statement of changes"
    ]


def test_every_part_of_an_expression_counts() -> None:
    book = Book()
    terms = inspect_licence(stated("(MIT OR Apache-2.0) AND Foo"), [], TODAY, book)
    assert [one.licence for one in terms] == ["MIT", "Apache-2.0", "Foo"]


def test_a_row_that_is_due_is_read_again() -> None:
    later = date(2028, 1, 1)
    assert "a fresh reading of its text" in needs(stated("MIT"), "LICENSE", today=later)["publish"]


def test_origins_are_a_field_and_unknown_is_told() -> None:
    book = Book()
    past = (Ancestor("x", "fine-tuned from", "Qwen", "MIT", "card"),)
    found = inspect_origin(Stated(publisher="nobody", lineage=past), book)
    assert [(one.whose, one.country) for one in found] == [("the base", "unknown"), ("x", "CN")]
    assert [one.severity for one in book.findings] == ["note"]
    assert all(one.outcome == "nothing found against" for one in verdicts(book.findings))


CARD = """---
license: other
license_name: "qwen-research"
base_model: [Qwen/Qwen2.5-3B]
base_model_relation: finetune
datasets:
- squad
---
"""


def test_a_folders_card_states_licence_and_past(folder, look, tensors) -> None:
    tensors()
    (folder / "README.md").write_text(CARD)
    found = look(folder)
    assert [one.licence for one in found.terms] == ["qwen-research", "unknown", "unknown"]
    assert [(one.name, one.relation) for one in found.lineage] == [
        ("Qwen/Qwen2.5-3B", "fine-tuned from"),
        ("squad", "trained on"),
    ]
    assert [(one.whose, one.country) for one in found.origins][1] == ("Qwen/Qwen2.5-3B", "CN")
    assert found.verdicts[0].outcome == "needs"


def test_a_revision_is_what_the_download_noted(folder, look, tensors) -> None:
    tensors()
    notes = folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (notes / "model.safetensors.metadata").write_text(f"{'a' * 40}\netag\n1.0\n")
    assert look(folder).revision == "a" * 40
    (notes / "config.json.metadata").write_text(f"{'b' * 40}\netag\n1.0\n")
    assert look(folder).revision == "unknown"


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"License": "UNKNOWN"}, "unknown"),
        ({"License": "Apache-2.0"}, "Apache-2.0"),
        ({"License": "The\nwhole\ntext"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_a_packages_metadata_states_a_licence(lines, licence) -> None:
    class Package:
        metadata = Message()

    Package.metadata["Name"], Package.metadata["Version"] = "p", "1"
    for key, value in lines.items():
        Package.metadata._headers.append((key, value))  # as a METADATA file may hold it
    found = of_package(Package())
    assert (found.licence, found.revision) == (licence, "p==1")


@given(text=st.text())
def test_any_text_is_a_card_without_stumbling(text) -> None:
    front_matter(f"---\n{text}\n---")


findings = st.builds(
    Finding,
    check=st.just("c"),
    severity=st.sampled_from(["refuse", "needs", "note"]),
    file=st.just("f"),
    place=st.just(""),
    got=st.text(max_size=3),
    allowed=st.text(max_size=3),
    purposes=st.sets(st.sampled_from(PURPOSES)).map(tuple),
)
RANK = ["nothing found against", "needs", "refused"]


@given(found=st.lists(findings), more=findings)
def test_a_finding_more_never_makes_a_verdict_milder(found, more) -> None:
    before = [RANK.index(one.outcome) for one in verdicts(found)]
    after = [RANK.index(one.outcome) for one in verdicts([*found, more])]
    assert all(old <= new for old, new in zip(before, after, strict=True))


@given(found=st.lists(findings))
def test_notes_weigh_nothing(found) -> None:
    heavy = [one for one in found if one.severity != "note"]
    assert verdicts(found) == verdicts(heavy)
