"""The walk of docs/floor-walk.md runs: server and edges in real processes, with few orders."""

from walking import walked


def test_the_walk_goes_from_an_empty_workspace_to_an_edge_that_went_back() -> None:
    said = walked("floor_walk.py")
    assert "answers for the second release" in said
    assert "twoloops edge rollback" in said
    assert "all stored once" in said
