"""Why was this released? The facts about one judgement, and the same in sentences.

The sentences serve the page and the terminal alike, so that both say the same.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from twoloops.analysis.overview import words
from twoloops.analysis.overview.facts import Change, Spend, TakenBack
from twoloops.analysis.overview.verdicts import nearest, needed, number
from twoloops.analysis.words import count, items, percent, scientific
from twoloops.convergence.judging.evaluate import Estimate, Estimates
from twoloops.convergence.judging.gate import GateSettings
from twoloops.records.digests import Digest, short
from twoloops.records.gate import Verdict


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was judged.

    Args:
        model: Its digest.
        base: Its base.
        recipe: Name and settings of its recipe.
        threshold: The probability of any fault above which it calls an item a fault.
        verdict: What was said, whole; `None` where only the reason is on record.
        reason: One sentence.
        released: Whether it was released.
        person: Whether a person said so, and the gate was not asked.
        trial: Whether it was tried between turns.
        taken_back: That it counts no longer; `None` where it does, or never did.
    """

    model: Digest
    base: str
    recipe: str
    threshold: float | None
    verdict: Verdict | None
    reason: str
    released: bool
    person: bool = False
    trial: bool = False
    taken_back: TakenBack | None = None


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """What one labeller gave to a dataset.

    Args:
        labeller: `person:NAME`, `teacher:NAME`, `history`, …
        labels: How many.
        terms: What a teacher's terms ask of what learns from them, a sentence each.
    """

    labeller: str
    labels: int
    terms: tuple[str, ...] = ()


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """The dataset that a candidate learned from and was judged on.

    Args:
        dataset: Its digest.
        train: Items learned from.
        golden: Items set aside for good.
        audit: Items that judge first.
        forgotten: Items whose input was forgotten since.
        labellers: Who labelled them.
    """

    dataset: Digest
    train: int
    golden: int
    audit: int
    forgotten: int
    labellers: tuple[Labelled, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The base, where it comes from, and what comes with it.

    Args:
        name: Its name.
        kind: `features`, `open model`, `concatenation`; empty where its card is not at hand.
        licence: As stated.
        publisher: Who published it, and where from.
        lineage: What it was made from, nearest first, a sentence each.
        obligations: What the model carries for use inside, the heaviest first.
        blocked: How many of them stand in the way of that.
    """

    name: str
    kind: str = ""
    licence: str = ""
    publisher: str = ""
    lineage: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    blocked: int = 0


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on record about one judgement.

    Args:
        task: The task's name.
        turn: The turn whose dataset it stands on; -1 outside of any.
        stage: Of that turn; empty outside of any.
        candidate: What was judged; `None` where the turn judged nothing.
        others: What else was judged on the same dataset.
        compared_with: In words.
        settings: Of the gate.
        reason: What the turn's record says.
        opened_by: Failing slices that made the turn try other bases.
        data: What was learned from; `None` where it is not here.
        base: `None` without a candidate.
        cost: Of the turn.
        approved_at: When it was released; `None` where it was not.
        fact: Number and digest of the journal's fact that says so.
        self_test: What came of the test of the very file.
        deployed: Whether it is in force now.
        since: Its rates on audit labels that came after.
        majority: What always the most frequent label gets right on the same.
        beside_before: It minus the release before it, item by item, on audit labels that came
            after both; `None` where there is none before it.
        broken: What is wrong with the journal; empty when it is whole.
    """

    task: str
    turn: int
    stage: str
    candidate: Candidate | None
    others: tuple[Candidate, ...]
    compared_with: str
    settings: GateSettings
    reason: str
    opened_by: tuple[str, ...]
    data: Data | None
    base: Standing | None
    cost: Spend
    approved_at: datetime | None
    fact: tuple[int, Digest] | None
    self_test: str
    deployed: bool
    since: Estimates | None
    majority: Estimate | None
    beside_before: Change | None = None
    broken: tuple[str, ...] = ()

    @property
    def released(self) -> bool:
        """Whether there is a candidate that was released."""
        return self.candidate is not None and self.candidate.released


class Part(msgspec.Struct, frozen=True):
    """A heading with its sentences; `passed` says of each whether it held, where that is asked."""

    title: str
    lines: tuple[str, ...]
    passed: tuple[bool | None, ...] = ()


QUESTIONS = {
    "first": "Is it better than always saying the most frequent label?",
    "not worse": "Is it, with more labels on the same base, less than {margin:g} points worse than "
    "the best release so far?",
    "better": "Is it, on another base or recipe, better than the deployed one on the same data?",
}


def headline(why: Why) -> str:
    """Say in one sentence what happened."""
    turn = f"turn {why.turn}" if why.turn >= 0 else "outside of any turn"
    one = why.candidate
    if one is None:
        if why.stage not in ("", "closed"):
            return f"Turn {why.turn} of {why.task!r} is open: nothing was judged yet."
        return f"Turn {why.turn} of {why.task!r} judged nothing: {why.reason or 'no candidate'}."
    name = f"{short(one.model)} on {one.base}"
    back = "" if one.taken_back is None else f", and {one.taken_back.how} since"
    if one.person:
        return f"A person deployed model {name} of task {why.task!r} ({turn}){back}."
    when = f"after {turn}" if one.trial else f"in {turn}"
    if one.released:
        return f"Model {name} was released for task {why.task!r} {when}{back}."
    return f"Model {name} was refused for task {why.task!r} {when}."


def parts(why: Why) -> tuple[Part, ...]:
    """Return the whole answer in sentences, the weightiest first."""
    made = [
        _broken(why),
        _taken_back(why),
        _question(why),
        _evidence(why),
        _changing(why),
        _since(why),
        _approval(why),
        _others(why),
        _data(why),
        _base(why),
        _cost(why),
    ]
    return tuple(one for one in made if one.lines)


def _broken(why: Why) -> Part:
    if not why.broken:
        return Part("journal", ())
    told = f"The journal is NOT whole, so this may be untrue: {'; '.join(why.broken[:3])}"
    return Part("journal", (told,), (False,))


def _taken_back(why: Why) -> Part:
    back = None if why.candidate is None else why.candidate.taken_back
    return Part("counts no longer", () if back is None else (back.told,))


def _question(why: Why) -> Part:
    one = why.candidate
    if one is None or one.person or one.verdict is None:
        return Part("question", ())
    margin = 100 * why.settings.margin
    asked = QUESTIONS[one.verdict.claim].format(margin=margin)
    lines = [asked, f"Compared with {why.compared_with}."]
    if why.opened_by:
        lines.append(f"Other bases were tried because slices failed: {'; '.join(why.opened_by)}")
    return Part("question", tuple(lines))


def _evidence(why: Why) -> Part:
    one = why.candidate
    if one is None:
        return Part("evidence", (why.reason,) if why.reason else ())
    if one.verdict is None or one.person:
        return Part("evidence", (one.reason,), (None if one.person else one.released,))
    said = one.verdict
    lines = [f"{check.name}: {check.detail}" for check in said.checks]
    passed: list[bool | None] = [check.passed for check in said.checks]
    need = needed(said, why.settings)
    short_ = (
        f"In short: evidence {number(said.wealth)} of the {need:g} needed, on "
        f"{items(said.labels, 'label')} of known chance"
    )
    if said.claim != "first":  # against the most frequent label it is not measured
        short_ += f"; the two decide differently on {percent(said.disagreement)} of what came"
    lines.append(f"{short_}.")
    return Part("evidence", tuple(lines), (*passed, None))


def _changing(why: Why) -> Part:
    one = why.candidate
    if one is None or one.verdict is None or one.person:
        return Part("what would have changed it", ())
    told = nearest(one.verdict, why.settings)
    return Part("what would have changed it", (told,) if told else ())


def _since(why: Why) -> Part:
    if not why.released or why.since is None:
        return Part("since then", ())
    lines = [f"right, on what came after it: {words.rate(why.since.accuracy)}"]
    if why.majority is not None and why.majority.value is not None:
        lines.append(f"always the most frequent label: {words.rate(why.majority)}")
    gain = why.beside_before
    if gain is not None and gain.value is not None and gain.interval is not None:
        lines.append(
            f"beside the release before it, on {items(gain.after, 'audit label')} that came after "
            f"both: {words.points(gain.value, gain.interval)}"
        )
    for name, one in (
        ("escapes", why.since.escape_rate),
        ("false rejects", why.since.false_reject_rate),
    ):
        if one is not None:
            lines.append(f"{name}: {words.rate(one)}")
    return Part("since then", tuple(lines))


def _approval(why: Why) -> Part:
    one = why.candidate
    if one is None:
        return Part("approved by", ())
    if not one.released:
        return Part("approved by", ("nobody",))
    when = "" if why.approved_at is None else f", {why.approved_at:%Y-%m-%d %H:%M} UTC"
    who = "a person, without the gate" if one.person else "the gate"
    lines = [f"{who}{when}"]
    if why.fact is not None:
        lines.append(f"on record as fact {why.fact[0]} of the journal ({short(why.fact[1])})")
    if why.self_test:
        lines.append(f"self-test of the very file before use: {why.self_test}")
    lines.append("in use now" if why.deployed else "not in use now")
    return Part("approved by", tuple(lines))


def _others(why: Why) -> Part:
    lines = []
    for one in why.others:
        said = "released" if one.released else "refused"
        said += "" if one.taken_back is None else f", {one.taken_back.how} since"
        reason = one.reason.removeprefix("refused: ").removeprefix("released: ")
        when = ", tried after the turn" if one.trial else ""
        lines.append(f"{said}{when}: {short(one.model)} on {one.base}: {reason}")
    return Part("also judged on this data", tuple(lines))


def _data(why: Why) -> Part:
    data = why.data
    if data is None:
        return Part("data", ())
    return Part("data", tuple(_of_data(data)))


def _of_data(data: Data) -> Iterator[str]:
    yield (
        f"dataset {short(data.dataset)}: {count(data.train)} items train, {count(data.audit)} "
        f"judge first, {count(data.golden)} golden"
    )
    if data.forgotten:
        yield f"{items(data.forgotten, 'item')} forgotten since"
    said = [f"{one.labeller} {count(one.labels)}" for one in data.labellers]
    if said:
        yield f"labels by {', '.join(said)}"
    for one in data.labellers:
        for term in one.terms:
            yield f"terms of {one.labeller}: {term}"


def _base(why: Why) -> Part:
    base, one = why.base, why.candidate
    if base is None or one is None:
        return Part("base", ())
    known = ", ".join(filter(None, (base.kind, base.licence, base.publisher)))
    lines = [f"{base.name}: {known or 'its card is not at hand'}", *base.lineage]
    lines.append(f"recipe: {one.recipe}")
    if one.threshold is not None:
        lines.append(f"called a fault above a probability of {one.threshold:.3g}")
    if base.obligations:
        blocked = f", {base.blocked} of them in the way" if base.blocked else ""
        lines.append(f"{items(len(base.obligations), 'obligation')} for use inside{blocked}:")
        lines += [f"· {told}" for told in base.obligations[:6]]
        if len(base.obligations) > 6:
            lines.append(f"· and {len(base.obligations) - 6} more, see  twoloops lineage")
    else:
        lines.append("no obligations known for use inside")
    return Part("base", tuple(lines))


def _cost(why: Why) -> Part:
    cost = why.cost
    lines = [f"{items(cost.labels, 'label')} in this turn, {words.money(cost.people)} for them"]
    if cost.minutes is not None:
        lines.append(f"{cost.minutes:,.1f} minutes of people's time")
    if cost.taught or cost.teachers:
        lines.append(f"{items(cost.taught, 'label')} by teachers, {words.money(cost.teachers)}")
    if cost.cpu_seconds is not None:
        lines.append(f"fitting: {cost.cpu_seconds:.1f} CPU s, {scientific(cost.flop, 'FLOP')}")
    return Part("what the turn cost", tuple(lines))
