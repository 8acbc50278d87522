"""Keys: for their owner alone, never replaced, and anything else is refused in a sentence."""

from pathlib import Path

import pytest

from twoloops.digital.publish import signing
from twoloops.records.errors import UserError


def test_a_new_key_is_for_its_owner_alone_and_is_not_replaced(tmp_path: Path) -> None:
    public = signing.new_key(tmp_path / "acme")
    assert (tmp_path / "acme").stat().st_mode & 0o777 == 0o600
    assert public == tmp_path / "acme.pub"
    assert b"PRIVATE" not in public.read_bytes()
    with pytest.raises(UserError, match=r"acme is there already: .* a key in use is not replaced"):
        signing.new_key(tmp_path / "acme")
    with pytest.raises(UserError, match=r"cannot write the key .* name a file in a folder"):
        signing.new_key(tmp_path / "no" / "acme")


def test_a_key_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    public = signing.new_key(tmp_path / "acme")
    with pytest.raises(UserError, match=r"cannot read the key .*: make one|No such file"):
        signing.check_key(tmp_path / "none")
    with pytest.raises(UserError, match=r"acme\.pub is no private key that can sign"):
        signing.check_key(public)
    (tmp_path / "acme").chmod(0o644)
    with pytest.raises(UserError, match=r"others may read the key .*: run  chmod 600 "):
        signing.check_key(tmp_path / "acme")


def test_what_is_no_public_key_is_refused(published: Path, key: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"acme is no public key .* give the publisher's \.pub"):
        signing.check(published, key)
    with pytest.raises(UserError, match=r"cannot read the public key .* No such file"):
        signing.check(published, tmp_path / "none.pub")
