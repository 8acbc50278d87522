"""The attribute study from a workspace: people's labels, and the deployed model beside them."""

from collections.abc import Mapping, Sequence

from twoloops.convergence.turns.evidence import Contender
from twoloops.convergence.turns.loop import Loop
from twoloops.physical.labelling.quality.agreed import by_place, doubted_at
from twoloops.physical.labelling.quality.consensus import consensus
from twoloops.physical.labelling.quality.matrix import person
from twoloops.physical.labelling.quality.msa import Study, study
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.observation import Observation, Place

CONSENSUS = "consensus"


def study_of(loop: Loop, reference: str = CONSENSUS) -> Study:
    """Evaluate the labels that several people gave to the same observations.

    Parts are the observations that everybody who takes part answered in each of their trials;
    whoever has answered only a few of them would leave nothing to study and is left out.

    Args:
        loop: The task's loop.
        reference: A labeller who knows, or `consensus`.

    Raises:
        UserError: There is nothing to study: the reference has no labels, nobody else has
            answered the same observations.
    """
    store, task = loop.store, loop.task
    given = by_place(store, task.name)
    names = sorted({one.labeller for said in given.values() for one in said})
    if reference == CONSENSUS:
        agreed = consensus(given, doubted_at(store, task.name))
        truth = {place: one.label for place, one in agreed.items() if one.labels > 1}
        about = "the consensus of the labellers"
    else:
        if reference not in names:
            raise UserError(
                f"nobody called {reference!r} has labelled anything: choose one of {names}, or "
                "consensus"
            )
        truth = _said(given, reference)
        about = f"what {reference} said"
    people = _people(given, names, truth, leave_out=person(reference))
    if not people:
        raise UserError(
            f"nothing to study: no observations of task {task.name!r} were labelled by "
            f"{'two people' if reference == CONSENSUS else 'anybody else'}; let several people "
            "label the same ones (labels per item, in the labelling policy), or import their "
            "answers with a labeller column"
        )
    places = set(truth).intersection(*(trial for trials in people.values() for trial in trials))
    seen = store.observations.find(places)
    gone = store.inputs.forgotten({one.input for one in seen.values()})
    there = [one for one in seen.values() if one.input not in gone]
    return study(
        people,
        truth,
        about=about,
        normal=task.normal,
        model=model_trial(loop, there),
    )


def model_trial(loop: Loop, seen: Sequence[Observation]) -> dict[Place, str] | None:
    """Return what the deployed model decides of observations, or `None` where none is deployed.

    Where it has learned an observation, or one like it, the head of that fold answers, which has
    not: nobody else in a study has seen the answers either.
    """
    deployed = loop.deployed()
    if deployed is None or not seen:
        return None
    made, threshold = deployed
    learned = {
        item.input: item.group for item in loop.store.datasets.get(made.dataset).split("train")
    }
    groups = [
        learned.get(one.input, group) for one, group in zip(seen, loop.groups(seen), strict=True)
    ]
    x = loop.bench.encoder.embed(made.base, [one.input for one in seen], loop.read)
    labels = loop.task.labels
    decided = Contender(made, threshold).decide(made.honest(x, groups), labels)
    return {one.place: labels[i] for one, i in zip(seen, decided.tolist(), strict=True)}


def _people(
    given: Mapping[Place, Sequence[Label]],
    names: Sequence[str],
    truth: Mapping[Place, str],
    leave_out: str,
) -> dict[str, list[dict[Place, str]]]:
    """Return everybody's trials, of those who answered at least half of what most answered."""
    trials: dict[str, list[dict[Place, str]]] = {}
    for name in names:
        if person(name) != leave_out:
            said = {place: label for place, label in _said(given, name).items() if place in truth}
            if said:
                trials.setdefault(person(name), []).append(said)
    most = max((len(own[0]) for own in trials.values()), default=0)
    return {
        who: [trial for trial in own if 2 * len(trial) >= most]
        for who, own in trials.items()
        if 2 * len(own[0]) >= most
    }


def _said(given: Mapping[Place, Sequence[Label]], labeller: str) -> dict[Place, str]:
    return {
        place: one.label
        for place, said in given.items()
        for one in said
        if one.labeller == labeller
    }
