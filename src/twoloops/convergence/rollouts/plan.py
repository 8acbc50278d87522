"""The plan of a roll-out: which groups get the release when, and what stops it."""

from typing import Literal

import msgspec

from twoloops.records.assignment import group_name
from twoloops.records.errors import UserError

Kind = Literal["shadow", "canary", "wave"]
"""`shadow`: the release decides too and does not count; `canary`, `wave`: it counts, and the model
before decides too."""

REST = "*"
"""Every group that no other stage names; in a shadow stage every group."""
TESTS = 5
"""Tests that share a roll-out's alpha: errors and disagreement over all stages; in each stage
errors, disagreement, late decisions."""


class Least(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage must have seen before it passes without proof.

    Args:
        hours: Since it began; proof does not replace them.
        decisions: Inputs that the release decided.
        few: So many are enough once the stage has been open for `few_hours`: what decides little
            would wait for weeks, and does little harm meanwhile.
        few_hours: `None`: nothing less is ever enough.
        labels: Audit labels on observations that arrived since the roll-out was opened: labels come
            with the turns, and a stage of its own would wait for several.
        no_labels: Why no audit label is asked for; required where `labels` is 0.
    """

    hours: float = 24.0
    decisions: int = 200
    few: int = 20
    few_hours: float | None = None
    labels: int = 8
    no_labels: str = ""

    def __post_init__(self) -> None:
        if self.hours < 0 or self.decisions < 0 or self.labels < 0:
            raise UserError(
                f"the least amounts of a stage cannot be negative: got {self.hours:g} hours, "
                f"{self.decisions} decisions, {self.labels} labels"
            )
        if self.few < 0 or (self.few_hours is not None and self.few_hours < 0):
            raise UserError(
                f"what is enough after some hours cannot be negative: got {self.few} decisions, "
                f"{self.few_hours or 0:g} hours"
            )
        if self.labels == 0 and not self.no_labels.strip():
            raise UserError(
                "a stage that asks for no audit label must say why: nothing else tells whether the "
                "release is any good; give the reason (no_labels), or ask for 1 or more"
            )

    def needed(self, hours: float) -> int:
        """Return how many decisions a stage needs that has been open for so many hours."""
        if self.few_hours is None or hours < self.few_hours:
            return self.decisions
        return min(self.few, self.decisions)


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the devices may report before a stage is stopped.

    Args:
        late: Share of decisions that may take longer than the task's latency budget.
        went_back: Share of the edges that may leave the release by themselves.
        refused: Share of the edges that may refuse the release: its self-test, its time, its file.
        silent: Share of the edges that may not be heard; with more the stage waits. It does not go
            back for them: what is not heard hears nothing either.
        silent_hours: Not heard for so long is silent.
    """

    late: float = 0.05
    went_back: float = 0.02
    refused: float = 0.2
    silent: float = 0.2
    silent_hours: float = 1.0

    def __post_init__(self) -> None:
        for name in ("late", "went_back", "refused", "silent"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise UserError(f"{name.replace('_', ' ')} is a share in [0, 1): got {value:g}")
        if self.silent_hours <= 0:
            raise UserError(f"silent hours must be above 0: got {self.silent_hours:g}")


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage of a roll-out.

    Args:
        kind: Whether the release counts.
        groups: Groups of devices; `REST` for those that no other stage names.
        least: What it must have seen before it passes without proof.
        error_margin: By so much, as a share of the audit labels, the release's error may be above
            the error of the model before.
        disagreement: Share of inputs on which the two may decide differently; `None`: at most as
            on the gate's own evidence, plus `disagreement_margin`.
        disagreement_margin: What is added to the upper limit of the gate's share.
        health: What the devices may report.
    """

    kind: Kind
    groups: tuple[str, ...] = (REST,)
    least: Least = Least()
    error_margin: float = 0.05
    disagreement: float | None = None
    disagreement_margin: float = 0.05
    health: Health = Health()

    def __post_init__(self) -> None:
        if not self.groups:
            raise UserError(f"a stage needs a group, or {REST!r} for all the rest")
        for one in self.groups:
            if one != REST:
                group_name(one)
        if len(set(self.groups)) < len(self.groups):
            raise UserError(f"a stage names a group twice: {list(self.groups)}")
        if not 0 < self.error_margin < 1:
            raise UserError(f"the error margin is a share in (0, 1): got {self.error_margin:g}")
        if self.disagreement is not None and not 0 < self.disagreement < 1:
            raise UserError(f"the disagreement is a share in (0, 1): got {self.disagreement:g}")
        if not 0 < self.disagreement_margin < 1:
            raise UserError(
                f"the disagreement margin is a share in (0, 1): got {self.disagreement_margin:g}"
            )


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a task's releases are rolled out.

    Args:
        stages: In this order: shadow, canary, waves; none: releases go to every device at once.
        patience_hours: A newer release waits for an open roll-out until its stage has been open for
            so long; then it takes its place. 0: it takes its place at once.
        alpha: Largest chance that a release which keeps every stated rate is stopped by a test,
            over the whole roll-out and however often it is looked at; shared equally by the five
            tests, and what is tested in each stage by the stages.
    """

    stages: tuple[Stage, ...] = ()
    patience_hours: float = 336.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.patience_hours < 0:
            raise UserError(f"patience cannot be negative: got {self.patience_hours:g} hours")
        if not 0 < self.alpha < 1:
            raise UserError(f"alpha is a chance in (0, 1): got {self.alpha:g}")
        order = ("shadow", "canary", "wave")
        kinds = [order.index(one.kind) for one in self.stages]
        if kinds != sorted(kinds):
            raise UserError(
                f"stages go from shadow over canary to waves: got {[s.kind for s in self.stages]}"
            )
        counted = [g for one in self.stages if one.kind != "shadow" for g in one.groups]
        if len(set(counted)) < len(counted):
            twice = sorted({one for one in counted if counted.count(one) > 1})
            raise UserError(f"canary and waves name a group twice: {twice}")

    @property
    def needed_overall(self) -> float:
        """Evidence that a test over all stages needs to stop it."""
        return TESTS / self.alpha

    @property
    def needed(self) -> float:
        """Evidence that one test of one stage needs to stop it."""
        return TESTS * max(len(self.stages), 1) / self.alpha

    @property
    def proof(self) -> float:
        """Evidence that lets a stage pass before it has seen the least amounts."""
        return 1 / self.alpha

    def members(self, number: int, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the groups of a stage, of those that are known; sorted."""
        stage = self.stages[number]
        if REST not in stage.groups:
            return tuple(one for one in sorted(known) if one in stage.groups)
        if stage.kind == "shadow":
            return tuple(sorted(known))
        others = {
            group
            for place, one in enumerate(self.stages)
            if place != number and one.kind != "shadow"
            for group in one.groups
        }
        return tuple(one for one in sorted(known) if one not in others)


def default_plan(groups: tuple[str, ...], audit_labels: int) -> Plan:
    """Return the plan of a task that has none of its own.

    One group: shadow, then it counts. Several: shadow on all, canary on the first by name, then all
    the rest. Labels come with turns, and few of them show little (benchmarks/rollout.py): the last
    stage alone asks for some, so that the model before stays beside until they came, and the floor
    need not wait for the release so long. What they show stops it in every stage.

    >>> [(one.kind, one.groups) for one in default_plan(("all",), 8).stages]
    [('shadow', ('*',)), ('wave', ('*',))]
    >>> [(one.kind, one.groups) for one in default_plan(("b", "a"), 8).stages]
    [('shadow', ('*',)), ('canary', ('a',)), ('wave', ('*',))]

    Args:
        groups: Groups with a device.
        audit_labels: Audit labels of one turn.
    """
    if not groups:
        return Plan()
    why = "they come with turns, and the last stage asks for them"
    sooner = Least(few_hours=48.0, labels=0, no_labels=why)
    stages = [Stage(kind="shadow", least=sooner)]
    if len(groups) > 1:
        stages.append(Stage(kind="canary", groups=(min(groups),), least=sooner))
    last = Least(few_hours=48.0, labels=max(audit_labels, 1))
    return Plan(stages=(*stages, Stage(kind="wave", least=last)))
