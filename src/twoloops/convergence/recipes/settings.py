"""What a model was made by: the recipe's name and settings, as its card prints them."""

import msgspec

from twoloops.records.digests import Digest

HEAD = "head/1"
DISTIL = "distil/1"


class Distil(msgspec.Struct, frozen=True):
    """How a student was, or is to be, distilled.

    Args:
        teacher: Name of the teacher's base.
        unlabelled: Digest of the frozen list of unlabelled observations.
        weight: Of the teacher's outputs beside the labels; `None` where cross-validation is
            still to choose.
        temperature: That softens them, likewise.
    """

    teacher: str
    unlabelled: Digest
    weight: float | None = None
    temperature: float | None = None


def described(recipe: Distil | None, strength: float, unlabelled: int) -> str:
    """Return what a card says of the recipe.

    >>> described(None, 30.0, 0)
    'head/1 strength=30'
    """
    if recipe is None:
        return f"{HEAD} strength={strength:g}"
    return (
        f"{DISTIL} teacher={recipe.teacher} weight={recipe.weight:g} "
        f"temperature={recipe.temperature:g} strength={strength:g} unlabelled={unlabelled}"
    )
