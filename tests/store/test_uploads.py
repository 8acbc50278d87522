"""Large inputs part by part: what is whole is what was sent, whatever came between."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.store import uploads as module
from twoloops.store.uploads import Uploads

DATA = bytes(range(256))
DIGEST = digest_bytes(DATA)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 256), st.integers(0, 100)), max_size=12))
def test_only_parts_that_go_on_where_it_ended_change_anything(
    parts: list[tuple[int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here, size = Uploads(Path(name)), 0
        for at, length in parts:
            fits = at == size
            size = size + len(DATA[at : at + length]) if fits else size
            assert here.append("press-4", DIGEST, at, DATA[at : at + length]) == size
            assert here.size("press-4", DIGEST) == size
        here.append("press-4", DIGEST, size, DATA[size:])
        assert here.get("press-4", DIGEST) == DATA
        assert here.get("press-5", DIGEST) is None, "another edge's are not seen"
        here.drop("press-4", DIGEST)
        assert here.size("press-4", DIGEST) == 0


def test_what_is_damaged_is_removed_and_can_be_sent_again(tmp_path: Path) -> None:
    here = Uploads(tmp_path)
    here.append("press-4", DIGEST, 0, DATA[::-1])
    assert here.get("press-4", DIGEST) is None
    assert here.append("press-4", DIGEST, 0, DATA) == 256
    assert here.get("press-4", DIGEST) == DATA


def test_an_edge_has_a_limit_and_what_is_old_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 300)
    here = Uploads(tmp_path)
    with pytest.raises(UserError, match="at most 300 bytes"):
        here.append("press-4", DIGEST, 0, b"x" * 301)
    digests = [digest_bytes(b"%d" % number) for number in range(module.MOST)]
    for digest in digests:
        here.append("press-4", digest, 0, b"x")
    with pytest.raises(UserError, match=f"at most {module.MOST}"):
        here.append("press-4", DIGEST, 0, DATA)
    assert here.append("press-5", DIGEST, 0, DATA) == 256, "another edge has its own"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    assert here.append("press-4", DIGEST, 0, DATA) == 256
    assert here.size("press-4", digests[0]) == 0


@pytest.mark.parametrize(
    "digest", ["", "sha256:../../etc", "sha256:" + "A" * 64, "md5:" + "0" * 64]
)
def test_what_is_no_digest_names_no_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(UserError, match="is no digest"):
        Uploads(tmp_path).append("press-4", digest, 0, b"x")
    assert not any(tmp_path.rglob("*"))
