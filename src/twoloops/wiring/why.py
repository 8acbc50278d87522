"""Why a model was released or refused: gathered from turns, releases, evidence and the journal."""

import re
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from twoloops.analysis.overview.facts import Change, Judgement
from twoloops.analysis.overview.reasons import Candidate, Data, Labelled, Standing, Why
from twoloops.convergence.turns.anchor import BEST
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.digital.obligations import TEACHER, blocking
from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest, short
from twoloops.records.errors import NotKnownError, UserError
from twoloops.records.journal import Fact
from twoloops.records.task import Task
from twoloops.store.rows import Release
from twoloops.store.workspace import Store
from twoloops.wiring.exporting import card_of
from twoloops.wiring.history import OUTSIDE, History, Memory, asked_again, beside, majority
from twoloops.wiring.lineage import graph_of, obligations_of
from twoloops.wiring.verified import Verified, problems
from twoloops.wiring.workspace import now

FEWEST = 4
"""Digits of a digest that name a model."""
_TURN = re.compile(r"turn[ -]?(\d+)", re.IGNORECASE)


def why_of(store: Store, words: str, task: Task | None, verified: Verified | None = None) -> Why:
    """Return why a model was released or refused.

    Args:
        store: The workspace's.
        words: `deployed`, `turn N`, or the first digits of a model's digest.
        task: Whose; needed for `deployed` and `turn N`.
        verified: How far the journal was found whole earlier; added to.

    Raises:
        NotKnownError: They name nothing that was judged.
        UserError: They need a task, or name several models.
    """
    given, words = words, " ".join(words.split())
    try:
        found = _found(store, words, task)
    except NotKnownError as error:
        raise NotKnownError(str(error), given) from error
    return replace(found, broken=problems(store, verified))


def _found(store: Store, words: str, task: Task | None) -> Why:
    number = _TURN.fullmatch(words)
    if number is None and words != "deployed":
        task = _task_of(store, words, task)
    if task is None:
        raise UserError(
            f"name the task of {words!r} with --task: {[one.name for one in store.tasks.all()]}"
        )
    history = History(store, task)
    said = history.judgements()
    if number is not None:
        turn = int(number[1])
        _state(history, turn)
        mine = [one for one in said if one.turn == turn]
        chosen = next((one for one in reversed(mine) if one.released), mine[0] if mine else None)
        return _why(store, history, turn, chosen, mine)
    model = _model_of(history, said, words)
    # A model judged twice: the judgement that released it says why it was released.
    found = [one for one in said if one.model == model]
    chosen = next((one for one in reversed(found) if one.released), found[-1])
    mine = [one for one in said if one.turn == chosen.turn and chosen.turn != OUTSIDE]
    return _why(store, history, chosen.turn, chosen, mine)


def _task_of(store: Store, words: str, task: Task | None) -> Task:
    """Return the task of the model that digits name."""
    tasks = store.tasks.all() if task is None else [task]
    digits = words.removeprefix("sha256:").lower()
    found = {
        (one.digest, each.name)
        for each in tasks
        for one in store.models.of_task(each.name)
        if one.digest.removeprefix("sha256:").startswith(digits)
    }
    if len(digits) < FEWEST or len(found) != 1:
        known = [short(one.model) for each in tasks for one in store.releases.all(each.name)]
        what = "names several models" if len(found) > 1 and len(digits) >= FEWEST else (
            "names no model"
        )  # fmt: skip
        raise NotKnownError(
            f"{words!r} {what}: give  deployed ,  turn N , or {FEWEST} or more digits of a digest; "
            f"the latest releases are {', '.join(known[-6:]) or 'none yet'}",
            words,
        )
    return store.tasks.get(found.pop()[1])


def _model_of(history: History, said: Sequence[Judgement], words: str) -> Digest:
    name = history.task.name
    if words == "deployed":
        if history.deployed is None:
            raise NotKnownError(
                f"no model of task {name!r} is released yet: go on with  twoloops turn {name} , or "
                "ask about a turn with  twoloops why turn N",
                words,
            )
        return history.deployed.model
    digits = words.removeprefix("sha256:").lower()
    model = next(one for one in history.models if one[7:].startswith(digits))
    if not any(one.model == model for one in said):
        raise NotKnownError(
            f"model {short(model)} was never judged here: it was taken in, or its turn is open; "
            f"see  twoloops lineage {short(model)}",
            words,
        )
    return model


def _state(history: History, turn: int) -> TurnState:
    found = next((one for one in history.states if one.number == turn), None)
    if found is None:
        numbers = [one.number for one in history.states]
        known = f"there are 0 to {numbers[-1]}" if numbers else "there is none yet"
        raise NotKnownError(f"task {history.task.name!r} has no turn {turn}: {known}", str(turn))
    return found


def _why(
    store: Store,
    history: History,
    turn: int,
    chosen: Judgement | None,
    mine: Sequence[Judgement],
) -> Why:
    state = next((one for one in history.states if one.number == turn), None)
    facts = history.facts.get(turn, [])
    release = None
    if chosen is not None and chosen.released:
        release = next(
            (
                one
                for one in reversed(history.releases)
                if (one.turn, one.model) == (chosen.turn, chosen.model)
            ),
            None,
        )
    audits = [] if release is None else history.of_model(release.model)
    deployed = history.deployed
    return Why(
        task=history.task.name,
        turn=turn,
        stage="" if state is None else state.stage,
        candidate=None if chosen is None else _candidate(history, chosen),
        others=tuple(
            _candidate(history, one) for one in mine if chosen is None or one.model != chosen.model
        ),
        compared_with=_compared(store, history, state, chosen),
        settings=policy_of(store, history.task.name).settings,
        reason="" if state is None else state.reason,
        opened_by=() if state is None else state.opened_by,
        data=_data(store, history, state, chosen),
        base=None if chosen is None else _standing(store, history, chosen),
        cost=history.spend(turn),
        approved_at=None if release is None else release.approved_at,
        fact=_fact(facts, chosen),
        self_test=next(
            (
                f.body.get("self_test", "")
                for f in facts
                if chosen and f.kind == "rolled out" and f.body.get("model") == chosen.model
            ),
            "",
        ),
        deployed=release is not None and deployed is not None and deployed.model == release.model,
        since=None if release is None else history.estimates(audits),
        majority=None if release is None else majority(audits)[1],
        beside_before=_beside_before(store, history, release),
    )


def _beside_before(store: Store, history: History, release: Release | None) -> Change | None:
    """Compare a release with the one before it on every audit label that came after both."""
    before = None if release is None else history.before(release.turn)
    if release is None or before is None or before.model == release.model:
        return None
    memory = Memory()
    later = [one for one in history.audits if one.turn > release.turn]
    new = asked_again(store, release.model, later, memory)
    old = asked_again(store, before.model, [one for one, _ in new], memory)
    if len(old) < len(new):  # the older file is gone: nothing can be said
        return None
    return beside([said for _, said in new], [said for _, said in old], [one for one, _ in new])


def _candidate(history: History, said: Judgement) -> Candidate:
    card = history.models[said.model].card if said.model in history.models else None
    verdict = next(
        (
            one.verdict
            for state in history.states
            for one in state.candidates
            if (state.number, one.model) == (said.turn, said.model)
        ),
        None,
    )
    for release in history.releases:
        if (release.turn, release.model) == (said.turn, said.model):
            verdict = release.verdict
    return Candidate(
        model=said.model,
        base=said.base,
        recipe="" if card is None else card.recipe,
        threshold=None if card is None else card.threshold,
        verdict=verdict,
        reason=said.reason,
        released=said.released,
        person=said.person,
        trial=said.trial,
        taken_back=said.taken_back,
    )


def _compared(
    store: Store, history: History, state: TurnState | None, chosen: Judgement | None
) -> str:
    """Say with what a candidate was compared."""
    if chosen is None or chosen.claim is None:
        return "nothing on record"
    if chosen.claim == "first":
        return "the most frequent label of the judging items"
    if chosen.claim == "better":
        base = state.bases[0] if state is not None and state.bases else "the deployed base"
        return f"{base}, made anew from the same dataset as the deployed model was"
    best = store.evidence.history(history.task.name, BEST, str)
    before = [number for number in best if number < chosen.turn]
    if not before:
        return "the best release before"
    model = best[max(before)]
    # What was revoked since may have been the best then; the record of it is gone with it.
    base = history.models[model].card.base if model in history.models else "a base not here"
    return f"{short(model)} on {base}, the best release before the turn"


def _fact(facts: Sequence[Fact], chosen: Judgement | None) -> tuple[int, Digest] | None:
    if chosen is None:
        return None
    kinds = ("release approved", "deployed by a person", "gate refused")
    for kind in kinds:
        for fact in facts:
            if fact.kind == kind and fact.body.get("model") == chosen.model:
                return fact.sequence, fact.digest
    return None


def _data(
    store: Store, history: History, state: TurnState | None, chosen: Judgement | None
) -> Data | None:
    digest = None if state is None else state.dataset
    if chosen is not None and chosen.model in history.models:
        digest = history.models[chosen.model].card.dataset
    found = None if digest is None else store.datasets.find(digest)
    if found is None or digest is None:
        return None
    splits = Counter(item.split for item in found.items)
    inputs = {item.input for item in found.items}
    places = {
        place: turn for place, turn in history.asked.items() if state and turn <= state.number
    }
    seen = store.observations.find(places)
    said = Counter(
        one.labeller
        for one in history.labels
        if one.observation in seen and seen[one.observation].input in inputs
    )
    return Data(
        dataset=digest,
        train=splits["train"],
        golden=splits["golden"],
        audit=splits["audit"],
        forgotten=len(store.inputs.forgotten(inputs)),
        labellers=tuple(
            Labelled(labeller=who, labels=number, terms=_terms(store, who))
            for who, number in sorted(said.items())
        ),
    )


def _terms(store: Store, labeller: str) -> tuple[str, ...]:
    """Return what a teacher's terms ask for use inside."""
    if not labeller.startswith(f"{TEACHER}:"):
        return ()
    today = now().date()
    graph = graph_of(store)
    if not any(one.id == labeller for one in graph.things):
        return ()
    carried = obligations_of(store, labeller, "internal", today)
    return tuple(
        f"{one.obligation.kind} ({one.obligation.weight('internal')}): {one.obligation.text}"
        + ("" if one.confirmed is None else f"; confirmed by {one.confirmed.by}")
        for one in carried
    )


def _standing(store: Store, history: History, chosen: Judgement) -> Standing | None:
    model = history.models.get(chosen.model)
    if model is None:
        return None
    card: BaseCard | None = card_of(store, model).base
    carried = obligations_of(store, chosen.model, "internal", now().date())
    told = tuple(
        f"{one.obligation.kind} ({one.obligation.weight('internal')}): {one.obligation.text}"
        for one in carried
    )
    blocked = len(blocking(carried, "internal"))
    if card is None:
        return Standing(name=chosen.base, obligations=told, blocked=blocked)
    origin = "" if card.origin in ("", "unknown") else f" ({card.origin})"
    return Standing(
        name=card.name,
        kind=card.kind,
        licence=card.licence,
        publisher=f"{card.publisher}{origin}",
        lineage=tuple(
            f"{one.relation} {one.name}, {one.publisher}, {one.licence}" for one in card.lineage
        ),
        obligations=told,
        blocked=blocked,
    )
