"""The generated blocks about the server."""

from collections.abc import Callable
from typing import Any

from readme_tables import missing, read


def answer_wait() -> str:
    """How long an answer waits while a turn computes."""
    found: dict[str, Any] | None = read("answer_wait")
    if found is None:
        return missing("answer_wait")
    waits = found["longest_wait_ms"]
    before, inside = (max(waits[name].values()) / 1000 for name in ("before", "inside"))
    stage = max(waits["before"], key=waits["before"].get)
    own = waits["before"].get("specialise", 0) / 1000
    return (
        f"a turn over {found['observations']:,} texts, {found['cores']} cores, load "
        f"{found['load']:g}: **{before:.1f} s** (in `{stage}`; {own:.1f} s in `specialise`), where "
        f"it was **{inside:.1f} s** with everything computed inside the stages: then the next "
        "stage began before a waiting answer got in, so that it waited for the whole turn, or "
        "until the engine gave up after 30 s and it was refused."
    )


BLOCKS: dict[str, Callable[..., str]] = {"answer_wait": answer_wait}
