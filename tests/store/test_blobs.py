import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.store.blobs import Blobs, FolderBlobs, MemoryBlobs


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FolderBlobs(tmp_path) if request.param == "folder" else MemoryBlobs()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_what_was_put_comes_back(data: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        blobs = FolderBlobs(Path(folder))
        digests = [blobs.put(one) for one in data for _ in range(2)]
        assert [blobs.get(digest) for digest in digests] == [one for one in data for _ in range(2)]
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert len(files) == len(set(data))


def test_put_get_has_delete(blobs: Blobs) -> None:
    digest = blobs.put(b"steel")
    assert digest == digest_bytes(b"steel")
    assert blobs.has(digest)
    assert blobs.get(digest) == b"steel"
    blobs.delete(digest)
    blobs.delete(digest)
    assert not blobs.has(digest)
    with pytest.raises(UserError, match=digest):
        blobs.get(digest)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    digest = digest_bytes(b"never put")
    name = digest.removeprefix("sha256:")
    path = tmp_path / name[:2] / name[2:4] / name
    with pytest.raises(UserError) as caught:
        FolderBlobs(tmp_path).get(digest)
    assert str(caught.value) == f"{digest} is missing: restore {path} from a backup"


def test_a_damaged_file_is_found_and_replaced(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"whole")
    path = next(path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(b"wholf")
    with pytest.raises(UserError, match=f"{digest} is damaged: .* restore it from a backup"):
        blobs.get(digest)
    blobs.put(b"whole")
    assert blobs.get(digest) == b"whole"


def test_half_written_files_are_swept(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    kept = blobs.put(b"kept")
    (tmp_path / "partial" / "left by a dead process").write_bytes(b"hal")
    assert blobs.sweep() == 1
    assert blobs.sweep() == 0
    assert blobs.get(kept) == b"kept"


@pytest.mark.parametrize("name", ["", "sha256:..", "sha256:" + "g" * 64, "../" * 22])
def test_only_digests_name_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        FolderBlobs(tmp_path).get(name)
