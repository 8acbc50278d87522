"""The blocks about roll-outs: what a bad release does until it is taken back."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read, table

PLANS = {
    "health only": "health only",
    "labels alone": "canary first, audit labels alone, 8 of them",
    "many labels alone": "canary first, audit labels alone, 60 of them",
    "canary first": "canary first",
    "shadow first": "shadow first (the default)",
}

SMALL = {
    "health only": "health only",
    "waiting": "shadow, canary, waves; 200 decisions a stage, 8 audit labels in the canary",
    "shadow first": "the default: 20 are enough after 48 hours, audit labels in the last stage",
}


def rollout() -> str:
    """Return what each plan made of the bad release, and of the good one."""
    found: Any = read("rollout")
    if not found:
        return missing("rollout")
    lines = []
    for kind, release in (("bad", "30 % of its training labels wrong"), ("good", "as good")):
        for name, title in PLANS.items():
            one = found[kind].get(name)
            if one is None:
                continue
            spread = f"{one['bad median']:,.0f} ({one['bad 5 %']:,.0f} to {one['bad 95 %']:,.0f})"
            hours = "" if one["hours median"] is None else f"{one['hours median']:g} h"
            back = f"{one['rolled back']} of {one['fleets']}"
            lines.append([release, title, back, hours, spread])
            release = ""
    head = ["release", "plan", "rolled back", "after (median)", "bad decisions (5 to 95 %)"]
    right, differ = found["accuracy"], found["differ"]
    return (
        f"{table(head, lines)}\n\n"
        f"Accuracy: old {100 * right['old']:.1f} %, good {100 * right['good']:.1f} %, bad "
        f"{100 * right['bad']:.1f} %; of the inputs the good one decides "
        f"{100 * differ['good']:.1f} % otherwise than the old one, the bad one "
        f"{100 * differ['bad']:.1f} %. {found['days']} days, {found['decisions a day']:,} "
        f"decisions and {found['labels a day']} audit labels a day."
    )


def rollout_small() -> str:
    """Return the same of a floor that decides little, and when the good release counts."""
    found: Any = read("rollout")
    if not found:
        return missing("rollout")
    lines = []
    for name, title in SMALL.items():
        bad, good = found["small bad"].get(name), found["small good"].get(name)
        hours = "" if good is None else f"{good['everywhere median']:g} h"
        back = "" if good is None else f"{good['rolled back']} of {good['fleets']}"
        lines.append(
            [
                title,
                f"{bad['rolled back']} of {bad['fleets']}",
                "" if bad["hours median"] is None else f"{bad['hours median']:g} h",
                f"{bad['bad median']:,.0f} ({bad['bad 5 %']:,.0f} to {bad['bad 95 %']:,.0f})",
                back,
                hours,
            ]
        )
    head = [
        "plan",
        "bad one rolled back",
        "after (median)",
        "bad decisions (5 to 95 %)",
        "good one rolled back",
        "good one counts everywhere after",
    ]
    small = found["small"]
    return (
        f"{table(head, lines)}\n\n"
        f"{small['days']} days, {small['decisions a day']} decisions a day, "
        f"{small['labels a week']} audit labels a week."
    )


BLOCKS: dict[str, Callable[[], str]] = {"rollout": rollout, "rollout_small": rollout_small}
