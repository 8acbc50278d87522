"""The repository: what it signs holds together, expires and is renewed in time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Root

from twoloops.records.errors import UserError
from twoloops.store.trust import keys
from twoloops.store.trust.repository import EXPIRY, ONLINE, Repository

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def known(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "trust")
    made.begin(AT)
    return made


def versions(known: Repository) -> dict[str, int]:
    return {role: known.known(role).signed.version for role in ONLINE}


def whole(known: Repository, at: datetime) -> None:
    """Every role is signed by its keys, goes with the others, and holds."""
    root: Root = known.root().signed
    for role in ONLINE:
        found = known.known(role)
        root.verify_delegate(role, found.metadata.signed_bytes, found.metadata.signatures)
        assert found.signed.expires > at
    snapshot = known.known("snapshot")
    known.known("timestamp").signed.snapshot_meta.verify_length_and_hashes(snapshot.data)
    snapshot.signed.meta["targets.json"].verify_length_and_hashes(known.known("targets").data)


def test_roles_expire_as_promised(known: Repository) -> None:
    whole(known, AT)
    assert {role: known.known(role).signed.expires - AT for role in ONLINE} == {
        "timestamp": 7 * DAY,
        "snapshot": 14 * DAY,
        "targets": 90 * DAY,
    }
    assert known.root().signed.expires - AT == EXPIRY["root"]


def test_beginning_again_changes_nothing(known: Repository) -> None:
    before = known.root_digest()
    known.begin(AT + DAY)
    assert known.root_digest() == before


def test_only_the_timestamp_is_signed_daily(known: Repository) -> None:
    assert known.refresh(AT + timedelta(hours=23)) == []
    assert known.refresh(AT + DAY) == ["timestamp"]
    assert versions(known) == {"timestamp": 2, "snapshot": 1, "targets": 1}


def test_a_year_of_daily_signing_never_lapses_and_versions_only_grow(known: Repository) -> None:
    before = versions(known)
    for day in range(0, 364, 4):
        at = AT + day * DAY
        known.refresh(at)
        whole(known, at + 2 * DAY)
        now = versions(known)
        assert all(now[role] >= before[role] for role in ONLINE)
        before = now


def test_after_a_long_sleep_all_is_signed_again(known: Repository) -> None:
    assert known.refresh(AT + 200 * DAY) == list(ONLINE)
    whole(known, AT + 200 * DAY)


def test_what_is_put_is_served_with_its_hash_and_swept_when_gone(known: Repository) -> None:
    info = known.put("golden/a.json", b"{}", {"x": 1})
    known.write({"golden/a.json": info}, AT)
    assert known.listed()["golden/a.json"].custom == {"x": 1}
    place = known.targets / "golden" / f"{info.hashes['sha256']}.a.json"
    assert place.read_bytes() == b"{}"
    known.write({}, AT)
    assert not place.exists()


def test_a_missing_key_is_said_with_the_way_out(known: Repository) -> None:
    for path in known.keys.glob("*.pem"):
        path.unlink()
    with pytest.raises(UserError, match="twoloops keys rotate timestamp"):
        known.refresh(AT + DAY)


def test_a_root_needs_its_threshold(tmp_path: Path) -> None:
    known = Repository(tmp_path / "trust")
    with pytest.raises(UserError, match="cannot sign"):
        known.begin(AT, root_keys=2, threshold=3)
    known.begin(AT, root_keys=3, threshold=2)
    signers = keys.found(known.keys, known.root().signed.roles["root"].keyids)
    assert len(signers) == 3
    with pytest.raises(UserError, match="2 of them are needed"):
        known.sign_root(lambda _: None, signers[:1], AT)
    assert known.sign_root(lambda _: None, signers[1:], AT).version == 2


def test_keys_are_their_owners_alone(known: Repository) -> None:
    assert {path.stat().st_mode & 0o777 for path in known.keys.glob("*.pem")} == {0o600}
