"""The walk of docs/walk.md runs: every command of it, with few photos, in real processes."""

from walking import walked


def test_the_walk_goes_from_photos_to_decisions() -> None:
    said = walked("walk.py")
    assert "answers at the page" in said
    assert "twoloops decide today/" in said
