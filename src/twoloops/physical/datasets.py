"""From answered questions to a frozen dataset: which label may train, which may only judge.

- `golden` items never train.
- An `audit` label judges in its own turn and may train from the next turn on.
- A `verify` label judges the pair of models it was drawn for and trains from the next turn on.
- Everything else trains. Only items with a known inclusion probability judge.
- Near-duplicates and items of one origin never straddle splits: what shares a group with a
  golden item is left out, what shares one with this turn's audit is held back for the turn.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from twoloops.records.dataset import Dataset, Item, Split
from twoloops.records.digests import Digest
from twoloops.records.label import Label, Question


class Answered(NamedTuple):
    """A question with its consensus label, the input's digest and its group."""

    question: Question
    label: str
    input: Digest
    group: str


def consensus(labels: Sequence[Label]) -> str:
    """Return the label most labellers gave; of equals the one given last."""
    counts = Counter(one.label for one in labels)
    most = max(counts.values())
    tied = [one for one in labels if counts[one.label] == most]
    return max(tied, key=lambda one: (one.labelled_at, one.labeller)).label


def freeze(
    task: str, turn: int, answered: Iterable[Answered], *, audits_train: bool = True
) -> Dataset:
    """Build the dataset of a turn.

    Args:
        task: The task's name.
        turn: The turn that freezes; its own audit labels are evidence only.
        answered: Every answered question so far.
        audits_train: Whether earlier audit and verifying labels may train (they may not where
            the data loop is switched off).
    """
    rows = list(answered)
    golden = {row.group for row in rows if row.question.purpose == "golden"}
    # A verifying label is a fair draw for one pair of models only: later it may train, not judge.
    rows = [
        row
        for row in rows
        if row.question.purpose != "verify" or (audits_train and not _is_of(row, turn))
    ]
    held = {row.group for row in rows if _is_fresh_audit(row, turn)}
    items = []
    for row in rows:
        question = row.question
        split: Split = "train"
        if question.purpose == "golden":
            split = "golden"
        elif row.group in golden:
            continue
        elif question.purpose == "audit" and (question.turn == turn or not audits_train):
            split = "audit"
        judges = question.probability is not None and question.purpose in ("seed", "audit")
        if split == "train" and row.group in held and question.purpose != "seed":
            split, judges = "audit", False
        items.append(
            Item(
                turn=question.turn,
                input=row.input,
                label=row.label,
                split=split,
                judges=judges,
                probability=-1.0 if question.probability is None else question.probability,
                group=row.group,
            )
        )
    return Dataset.of(task, items)


def _is_fresh_audit(row: Answered, turn: int) -> bool:
    return row.question.purpose == "audit" and _is_of(row, turn)


def _is_of(row: Answered, turn: int) -> bool:
    return row.question.turn == turn
