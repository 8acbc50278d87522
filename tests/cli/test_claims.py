"""`twoloops claims`: counts first, then claims by section; one claim; JSON; wrong words."""

import json
import re

import pytest

KEYS = {
    "id", "claim", "section", "value", "unit", "as_of",
    "arithmetic", "source_verdict", "explanation", "source",
}  # fmt: skip


def test_counts_come_first_then_every_claim_by_section_within_80_columns(call):
    done = call("claims")
    assert done.code == 0
    assert done.err == ""
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "the paper itself was not available" in " ".join(lines[:3])
    heads = re.findall(r"^(\S.*?) +claim +says +math +source", done.out, re.MULTILINE)
    assert heads[:3] == ["header", "section I", "section II"]
    assert heads[-2:] == ["conclusion", "input"]
    counted = next(place for place, line in enumerate(lines) if "contradicts" in line)
    assert counted < lines.index(next(line for line in lines if line.startswith("header ")))
    for name in ("PR_GPT45", "TL_DIST_4_KIND", "CON_DATA"):
        assert sum(line.startswith(f"{name} ") for line in lines) == 1


def test_the_counts_are_those_of_the_list(call):
    claims = json.loads(call("claims", "--json").out)
    own = [one for one in claims if not one["claim"].startswith(("(derived)", "(input)"))]
    wrong = sum(one["source_verdict"] == "contradicts" for one in own)
    out = call("claims").out
    assert f"{len(own)} claims of the article" in out
    assert f"contradicts {wrong} 0 0" in " ".join(out.split())


def test_json_is_a_list_of_the_named_fields(call):
    claims = json.loads(call("claims", "--json").out)
    assert all(set(one) == KEYS for one in claims)
    assert len({one["id"] for one in claims}) == len(claims)


def test_verdicts_choose_claims(call):
    found = json.loads(call("claims", "--json", "--verdict", "contradicts").out)
    assert {one["source_verdict"] for one in found} == {"contradicts"}
    both = json.loads(
        call("claims", "--json", "--verdict", "contradicts", "--verdict", "fails").out
    )
    assert [one["id"] for one in both] == ["TV_LEAD_2"]
    either = json.loads(
        call("claims", "--json", "--verdict", "contradicts", "--verdict", "confirms").out
    )
    assert {one["source_verdict"] for one in either} == {"contradicts", "confirms"}
    none = call("claims", "--verdict", "fails", "--verdict", "confirms")
    assert "No claim has these verdicts." in none.out


def test_one_claim_is_shown_whole(call):
    done = call("claims", "--id", "pr_gpt45")
    text = " ".join(done.out.split())
    assert text.startswith("PR_GPT45: price of GPT-4.5, blended 3:1")
    for words in (
        "section 2.2, exhibit E3",
        "found by 6.00+ | ~7.7",
        "holds: 46 / 7.7 = 5.974; the article says 6 USD/M tok, within 0.05",
        "source contradicts",
        "(3 × 75 + 150) / 4 = 93.75 USD/M tok",
        "the data itself was read; https://pypi.org/project/model-prices/",
    ):
        assert words in text
    assert max(len(line) for line in done.out.splitlines() if "http" not in line) <= 80


def test_several_claims_stand_in_the_order_asked(call):
    found = json.loads(call("claims", "--id", "VR_K25", "--id", "A16Z", "--json").out)
    assert [one["id"] for one in found] == ["VR_K25", "A16Z"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--id", "PR_GPT"), "no claim has the id 'PR_GPT'; near it: PR_GPT52"),
        (("--id", "?!"), "no claim has the id '?!'; twoloops claims  lists all"),
        (("--verdict", "wrong"), "--verdict 'wrong' is none of holds, fails, none (arithmetic)"),
    ],
)
def test_wrong_words_say_what_is_allowed(call, words, said):
    done = call("claims", *words)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert "Traceback" not in done.err


def test_it_works_in_the_bare_install(real, tmp_path):
    hidden = ("sqlalchemy", "sklearn", "scipy", "onnx", "altair", "pyarrow", "vl_convert")
    for name in hidden:
        (tmp_path / f"{name}.py").write_text("raise ModuleNotFoundError(name=__name__)\n")
    done = real("claims", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)
