"""The stages of a turn, one function each: what is there in, the next state out.

A stage may be killed anywhere and performed again: what it makes is named by its content, what
it asks or notes has a key, and `turn.advance` commits its writes together with its state.
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec.structs import replace

from twoloops.convergence.judging.betting import Bets
from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.recipes.spent import keep as keep_spent
from twoloops.convergence.turns.anchor import carry, not_worse, was_refused
from twoloops.convergence.turns.doubting import ask_again
from twoloops.convergence.turns.drifted import drift_asks
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.freezing import without_left_out
from twoloops.convergence.turns.keeping import keep_distilled
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.slices import loss_on, open_slices
from twoloops.convergence.turns.state import Candidate, TurnState, Waiting
from twoloops.convergence.turns.stopping import forgone, stop, stopped
from twoloops.convergence.turns.terms import wait_for_terms
from twoloops.digital.base import Base
from twoloops.digital.catalogue import available
from twoloops.physical.labelling.policy import labelling_of
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.questions import ask, open_questions
from twoloops.physical.select import Candidates, Pick, audit, select
from twoloops.records.dataset import Dataset
from twoloops.records.gate import Verdict
from twoloops.records.label import Purpose, Question
from twoloops.records.observation import Observation

CONTENDER = "contender"
"""Evidence: the other base that was chosen, and the names it was chosen among."""

Outcome = TurnState | Waiting
StageFunction = Callable[[Loop, TurnState], Outcome]


def observe(loop: Loop, turn: TurnState) -> Outcome:
    """Claim the period's observations. An empty turn is a turn."""
    claimed = loop.store.observations.claim(loop.task.name, turn.number, turn.period)
    total = loop.store.observations.count(loop.task.name, turn=turn.number)
    if turn.number == 0 and total == 0:
        return Waiting(
            "the first observations: bring some in with  twoloops ingest SOURCE "
            f"--task {loop.task.name}"
        )
    loop.note(turn, "observations claimed", observations=str(total), new=str(claimed))
    return turn


def select_questions(loop: Loop, turn: TurnState) -> Outcome:
    """Ask: a random audit share that may judge, and the picks that teach most."""
    seen = loop.askable(loop.seen(turn.number))
    questions = _seed_questions(loop, turn, seen) if turn.number == 0 else []
    if turn.number > 0 and seen:
        questions = _turn_questions(loop, turn, seen)
    ask(loop.store, loop.task.name, questions)
    counts = {p: str(sum(q.purpose == p for q in questions)) for p in ("audit", "selected")}
    stop = stopped(loop, turn)
    why = {} if stop is None else {"stopped": stop.reason}
    loop.note(turn, "questions asked", questions=str(len(questions)), **counts, **why)
    return turn


def _seed_questions(loop: Loop, turn: TurnState, seen: Sequence[Observation]) -> list[Question]:
    """A random sample (a census where it fits the budget); a part of it becomes golden."""
    rng = loop.rng(turn)
    count = min(loop.policy.seed_labels, len(seen))
    order = rng.permutation(len(seen))[:count]
    # A small seed must stay mostly for learning.
    golden = min(loop.policy.golden, count // 4)
    chance = count / len(seen)
    return [
        _question(turn, seen[i], "golden" if rank < golden else "seed", chance, rank)
        for rank, i in enumerate(order.tolist())
    ]


def _turn_questions(loop: Loop, turn: TurnState, seen: Sequence[Observation]) -> list[Question]:
    policy, rng = loop.policy, loop.rng(turn)
    if policy.everything:
        return [_question(turn, one, "seed", 1.0, i) for i, one in enumerate(seen)]
    kept = np.array([one.kept.probability for one in seen])
    audits = audit(kept, min(policy.audit_labels, len(seen)), rng)
    picks = list(audits)
    # What earlier turns did not need to verify is spent now; what they did without is not.
    spent = sum(q.turn < turn.number for q in loop.store.questions.of_task(loop.task.name))
    spent += forgone(loop, turn)
    seeded = len(loop.store.questions.of_turn(loop.task.name, 0))
    budget = seeded + policy.labels_per_turn * turn.number if policy.data else 0
    room = budget - spent - len(audits) - policy.verify_labels(was_refused(loop, turn))
    if policy.data and room > 0 and not stop(loop, turn, budget - spent - len(audits)):
        picks += _select(loop, seen, audits, room, rng)
    return [
        _question(turn, seen[pick.index], pick.purpose, pick.probability, rank)
        for rank, pick in enumerate(picks)
    ]


def _select(
    loop: Loop,
    seen: Sequence[Observation],
    audits: Sequence[Pick],
    count: int,
    rng: np.random.Generator,
) -> list[Pick]:
    deployed = loop.deployed()
    excluded = np.zeros(len(seen), dtype=bool)
    excluded[[pick.index for pick in audits]] = True
    groups = loop.groups(seen)
    asked = loop.store.observations.find(
        q.observation for q in loop.store.questions.of_task(loop.task.name)
    )
    labelled = set(loop.groups(list(asked.values())))
    labelled |= {groups[pick.index] for pick in audits}
    decisions = [one.decision for one in seen]
    decided = [decision for decision in decisions if decision is not None]
    base = deployed[0].base if deployed else loop.bench.first(loop.task)
    if len(decided) == len(seen) and len({len(d.probabilities) for d in decided}) == 1:
        probabilities = np.array([decision.probabilities for decision in decided])
        novelty = np.array([decision.novelty for decision in decided])
    else:  # nothing was deployed while these were seen: all are equally uncertain
        probabilities = np.full((len(seen), 2), 0.5)
        novelty = np.zeros(len(seen))
    return select(
        Candidates(
            probabilities=probabilities,
            embedding=loop.bench.encoder.embed(base, [one.input for one in seen], loop.read),
            novelty=novelty,
            groups=groups,
            labelled=labelled,
            excluded=excluded,
            at_random=len(audits),
        ),
        count,
        loop.policy.strategy,
        rng,
    )


def _question(
    turn: TurnState, one: Observation, purpose: Purpose, chance: float | None, rank: int
) -> Question:
    return Question(one.place, turn.number, purpose, chance, rank)


def _s(those: Sequence[object]) -> str:
    """Return the ending of a noun that counts something."""
    return "" if len(those) == 1 else "s"


def label(loop: Loop, turn: TurnState) -> Outcome:
    """Wait until every question of the turn is answered, and doubtful labels were looked at."""
    # What was forgotten after it was asked about is left out: nobody can answer that.
    unanswered = open_questions(loop.store, loop.task.name, turn.number)
    if unanswered:
        return Waiting(
            f"{len(unanswered)} label{_s(unanswered)}: give them on the page that  twoloops label  "
            "opens; or  twoloops label export FILE , fill in its label column,  twoloops "
            "label import FILE"
        )
    again = labelling_of(loop.store, loop.task.name).second_looks
    if turn.stage == "label" and again:
        ask_again(loop, turn, again)
    # Those that were sent back by hand are waited for too.
    if looks := open_looks(loop.store, loop.task.name, turn.number):
        return Waiting(
            f"{len(looks)} second look{_s(looks)} at labels that are probably wrong:  twoloops "
            "label  "
            "shows them, best to somebody else;  twoloops label quality  lists them"
        )
    return turn


def choose_base(loop: Loop, turn: TurnState) -> Outcome:
    """Name the bases to specialise: the deployed one, and what is newly available upstream."""
    release = loop.store.releases.deployed(loop.task.name)
    first = loop.bench.first(loop.task).card.name
    current = loop.store.models.find(release.model).card.base if release else first
    bases, unavailable = [current], {}
    waits = loop.policy.rebase == "failures"
    opened = open_slices(loop, turn) if loop.policy.models and waits else ()
    drifted = drift_asks(loop, turn) if loop.policy.models else ()
    # Before a first release too: the first base may not have what it takes.
    if loop.policy.models and (opened or drifted or not waits):
        for offer in available(tuple(loop.bench.offers.values()), turn.number):
            found = loop.bench.load(offer.name)
            if isinstance(found, str):
                unavailable[offer.name] = found
            elif offer.name != current:
                bases.append(offer.name)
    asked = (*map(str, opened), *drifted)
    why = {"opened_by": "; ".join(asked)} if asked else {}
    loop.note(turn, "bases chosen", bases=", ".join(bases), **why)
    return replace(
        turn,
        bases=tuple(bases),
        unavailable=unavailable,
        opened_by=asked,
    )


def specialise(loop: Loop, turn: TurnState) -> Outcome:
    """Make the candidates: the current base on the new data, and the likeliest other base.

    Of several other bases the one of least cross-validated log-loss on the training items (and on
    those of the failing slices, where these opened the turn) goes to the gate, and stays the
    contender so that evidence can be carried over turns: choosing on training items decides what
    is tried, never what is released.
    """
    turn = without_left_out(loop, turn)
    if (waiting := wait_for_terms(loop, turn)) is not None:
        return waiting
    dataset = frozen(loop, turn)
    if not dataset.split("train"):
        return replace(turn, reason="nothing to learn from: the turn has no labelled items")
    same, *others = [loop.base(name) for name in turn.bases]
    if not loop.policy.gate:  # without a gate the likeliest base of all is taken
        others, same = [], _contender(loop, turn, dataset, [same, *others])
    candidates = []
    if has_news(loop, dataset) or same.card.name != turn.bases[0]:
        recipe = loop.recipe_on(same.card.name)
        candidates.append(candidate_of(loop, turn, dataset, same, recipe))
    if others:
        candidates.append(
            candidate_of(loop, turn, dataset, _contender(loop, turn, dataset, others))
        )
    return replace(turn, candidates=tuple(candidates))


def _contender(loop: Loop, turn: TurnState, dataset: Dataset, others: Sequence[Base]) -> Base:
    """Return the other base that goes to the gate, and note how it was chosen."""
    best, is_new = likeliest(loop, turn, dataset, others)
    if is_new:
        among = [best.card.name, *(base.card.name for base in others)]
        loop.store.evidence.put(loop.task.name, CONTENDER, turn.number, among)
    return best


def likeliest(
    loop: Loop, turn: TurnState, dataset: Dataset, others: Sequence[Base]
) -> tuple[Base, bool]:
    """Return the base that went to the gate before, or the likeliest one, and whether it is new."""
    names = [base.card.name for base in others]
    earlier = loop.store.evidence.history(loop.task.name, CONTENDER, list[str])
    for number, (chosen, *among) in sorted(earlier.items(), reverse=True):
        if number < turn.number and sorted(among) == sorted(names):
            return others[names.index(chosen)], False
    opened = open_slices(loop, turn) if turn.opened_by else ()

    def loss(base: Base) -> float:
        made = loop.specialised(base, dataset, loop.recipe_on(base.card.name))
        # The slice alone more often picks a base that is far worse elsewhere (tried on the work
        # orders), which the gate then refuses turn after turn; with all items added, less often.
        extra = loss_on(loop, made, dataset, opened) if opened else 0.0
        return made.fitted.loss + extra

    return min(others, key=loss), True


def frozen(loop: Loop, turn: TurnState) -> Dataset:
    """Return the dataset of a turn that has one."""
    assert turn.dataset is not None
    return loop.store.datasets.get(turn.dataset)


def has_news(loop: Loop, dataset: Dataset) -> bool:
    """Say whether the deployed model has learned from other items than these."""
    deployed = loop.deployed()
    if deployed is None:
        return True
    known = loop.store.datasets.get(deployed[0].dataset)
    return _content(known) != _content(dataset)


def _content(dataset: Dataset) -> list[tuple[str, str]]:
    return [(item.input, item.label) for item in dataset.split("train")]


def candidate_of(
    loop: Loop, turn: TurnState, dataset: Dataset, base: Base, recipe: Distil | None = None
) -> Candidate:
    """Specialise a base, keep the model with its lineage, and note it."""
    contender = evidence_of(loop, turn).contender(loop.specialised(base, dataset, recipe))
    card = contender.made.card(contender.threshold)
    data = contender.made.model(contender.threshold)
    digest = loop.store.models.put(data, card, turn.number)
    loop.store.lineage.base(base.digest, base.card)
    title = f"{loop.task.name} turn {turn.number} on {contender.made.title}"
    loop.store.lineage.node(digest, "model", title)
    loop.store.lineage.edge(digest, base.digest, "specialised from")
    loop.store.lineage.edge(digest, dataset.digest, "learned from")
    about = base.card.name
    if (made := contender.made.recipe) is not None:
        keep_distilled(loop, turn, dataset, digest, made)
        about = f"{contender.made.title} over {made.unlabelled}"
    keep_spent(loop.store, loop.task.name, turn.number, contender.made, len(dataset.split("train")))
    loop.note(turn, "model specialised", about, model=digest, dataset=dataset.digest)
    return Candidate(base.card.name, digest)


def judge(loop: Loop, turn: TurnState) -> Outcome:
    """Ask the gate about each candidate: another base must prove better, more data not worse."""
    if not turn.candidates:
        reason = turn.reason or "nothing new to judge: no new training labels"
        return replace(turn, reason=reason)
    evidence = evidence_of(loop, turn)
    same = turn.bases[0]
    deployed = loop.deployed()
    judged = []
    for candidate in turn.candidates:
        mine = evidence.candidate(candidate)
        if not loop.policy.gate:
            verdict = Verdict(True, "first", "taken without a gate", 1.0, 0, 0.0)
        elif deployed is None:
            verdict = evidence.compare("first", mine, None)[0]
        elif candidate.base == same:
            verdict, carried = not_worse(loop, turn, evidence, mine)
            carry(loop, turn, carried)
        else:
            verdict = judge_base(loop, turn, evidence, mine)
        judged.append(replace(candidate, verdict=verdict))
        kind = "gate passed" if verdict.released else "gate refused"
        loop.note(turn, kind, candidate.base, model=candidate.model, reason=verdict.reason)
    return _with_reasons(replace(turn, candidates=tuple(judged)), same)


def judge_base(loop: Loop, turn: TurnState, evidence: Evidence, mine: Contender) -> Verdict:
    """Compare two bases on equal data: the candidate's, and the deployed one on the same dataset.

    Evidence is carried over turns for as long as the same base is compared with the same one.
    """
    same = evidence.same_base(turn)
    name = f"bets: {mine.made.title} over {same.made.title}"
    earlier = loop.store.evidence.history(loop.task.name, name, Bets)
    since = max((number for number in earlier if number < turn.number), default=-1)
    verdict, bets = evidence.compare("better", mine, same, earlier.get(since), since)
    loop.store.evidence.put(loop.task.name, name, turn.number, bets)
    return verdict


def _with_reasons(turn: TurnState, same: str) -> TurnState:
    """Put the verdicts into the turn's two sentences."""
    reason, note = "no new training labels: the deployed model stays", ""
    for candidate in turn.candidates:
        assert candidate.verdict is not None
        if candidate.base == same:
            reason = candidate.verdict.reason
        elif candidate.verdict.released:
            note = f"base adopted: {candidate.base}"
            reason = candidate.verdict.reason
        else:
            why = candidate.verdict.reason.removeprefix("refused: ")
            note = f"refused: {candidate.base}: {why}"
    if not note and turn.unavailable:
        note = "; ".join(turn.unavailable.values())
    return replace(turn, reason=reason, base_note=note)
