"""A published folder is checked: whatever is changed in it is found, each with its own message."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twoloops.digital.publish import signing
from twoloops.digital.publish.checking import Verified, verify
from twoloops.digital.publish.sidecar import Sidecar, read, text
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import MissingExtraError, UserError

FILES = ("NOTICE", "README.md", "card.json", "model.onnx", "model.sig", "twoloops.json")


def failures(found: Verified) -> dict[str, str]:
    return {one.what: one.detail for one in found.failures}


def copied(published: Path, folder: Path) -> Path:
    return Path(shutil.copytree(published, folder / "copy"))


def test_a_copy_verifies_with_the_key_and_without(
    published: Path, key: Path, tmp_path: Path
) -> None:
    copy = copied(published, tmp_path)
    signed = verify(copy, key.with_name("acme.pub"))
    assert signed.verified.failures == ()
    assert {one.what: one.outcome for one in signed.verified.looked} == dict.fromkeys(
        [*set(FILES) - {"model.sig"}, "signature", "model", "card"], "matches"
    )
    assert signed.model == (published / "model.onnx").read_bytes()
    plain = verify(copy).verified
    assert plain.failures == ()
    assert [one.what for one in plain.looked if one.outcome == "not checked"] == ["signature"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found(
    published: Path, key: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(FILES))
    old = (published / name).read_bytes()
    place = data.draw(st.integers(0, len(old) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != old[place]))
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(published, Path(folder))
        (copy / name).write_bytes(old[:place] + bytes([byte]) + old[place + 1 :])
        found = verify(copy, key.with_name("acme.pub")).verified
        if name == "model.sig":
            # Text that does not carry the signed bytes may change; what they say may not.
            assert set(failures(found)) <= {"signature"}
            if not found.failures:
                assert said(copy) == said(published)
            return
        assert {name, "signature"} <= set(failures(found))
        without = failures(verify(copy).verified)
        assert name in without
        assert (
            "was changed" in without[name]
            or "is no record" in without[name]
            or ("has version" in without[name])
        )


def said(folder: Path) -> object:
    """What a signature's bundle says: payload and signature, decoded."""
    import base64

    envelope = msgspec.json.decode((folder / "model.sig").read_bytes())["dsseEnvelope"]
    return (
        base64.b64decode(envelope["payload"]),
        [base64.b64decode(one["sig"]) for one in envelope["signatures"]],
    )


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(published: Path, key: Path, tmp_path: Path, name: str) -> None:
    copy = copied(published, tmp_path)
    (copy / name).unlink()
    found = failures(verify(copy, key.with_name("acme.pub")).verified)
    if name == "model.sig":
        assert found == {"signature": "model.sig is missing, and --key asks for one"}
        assert failures(verify(copy).verified) == {}
    else:
        assert found[name].startswith("is missing")
        assert found["signature"].startswith("does not cover the folder as it is (signed files are")


def test_an_extra_file_is_named_and_what_transport_adds_is_not(
    published: Path, key: Path, tmp_path: Path
) -> None:
    copy = copied(published, tmp_path)
    (copy / ".gitattributes").write_text("*.onnx filter=lfs\n")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "download").write_text("x")
    public = key.with_name("acme.pub")
    assert verify(copy, public).verified.failures == ()
    (copy / "below").mkdir()
    (copy / "below" / "run.py").write_text("print()")
    found = failures(verify(copy, public).verified)
    assert found["below/run.py"] == (
        "is not named in twoloops.json: remove it, or ask where it is of"
    )
    assert "there are files that were not signed" in found["signature"]


def test_links_are_refused(published: Path, key: Path, tmp_path: Path) -> None:
    copy = copied(published, tmp_path)
    (tmp_path / "elsewhere").write_bytes((copy / "model.onnx").read_bytes())
    (copy / "model.onnx").unlink()
    (copy / "model.onnx").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(copy / "pipe")
    found = [(one.what, one.detail) for one in verify(copy).verified.failures]
    assert ("model.onnx", "is a link or no regular file; copy the files") in found
    assert ("model.onnx", "is missing") in found
    assert ("pipe", "is a link or no regular file; copy the files") in found


def test_another_key_is_refused(published: Path, tmp_path: Path) -> None:
    other = signing.new_key(tmp_path / "other")
    found = failures(verify(published, other).verified)
    assert list(found) == ["signature"]
    assert found["signature"].startswith("model.sig is not one by other.pub of this (Key mism")


def test_a_whole_other_folder_sealed_anew_passes_without_a_key_and_fails_with_it(
    published: Path, key: Path, make: Callable[..., Path], tmp_path: Path
) -> None:
    copy = make(tmp_path / "forged", signed=False, publisher="Acme", licence="MIT")
    shutil.copy(published / "model.sig", copy)
    assert verify(copy).verified.failures == ()
    found = failures(verify(copy, key.with_name("acme.pub")).verified)
    assert list(found) == ["signature"]
    assert found["signature"] == (
        "model.sig is not one by acme.pub of this (signed with other contents: NOTICE, README.md, "
        "twoloops.json)"
    )


def test_a_record_about_another_model_or_card_is_refused(
    make: Callable[..., Path], sidecar: Sidecar, tmp_path: Path
) -> None:
    card = msgspec.structs.replace(sidecar.card, threshold=0.9)
    one = make(tmp_path / "card", signed=False, card=card)
    assert failures(verify(one).verified) == {
        "card": "the card inside model.onnx is not the one in twoloops.json"
    }
    other = make(tmp_path / "model", signed=False, model=digest_bytes(b"other"))
    assert failures(verify(other).verified)["model"].startswith("is ")
    kind = msgspec.structs.replace(sidecar.task, kind="image")
    third = make(tmp_path / "kind", signed=False, task=kind)
    assert "another kind" in failures(verify(third).verified)["card"]


def test_a_model_that_reaches_outside_is_not_opened(
    make: Callable[..., Path], model: bytes, tmp_path: Path
) -> None:
    proto = onnx.load_from_string(model)
    tensor = next(one for one in proto.graph.initializer if one.name == "head.weights")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    data = proto.SerializeToString()
    folder = make(tmp_path / "out", signed=False, data=data, model=digest_bytes(data))
    assert failures(verify(folder).verified) == {
        "model": "the model has data in other files, which a model that twoloops published never "
        "has: it was not opened; look at it with  twoloops base vet FILE"
    }


def test_a_later_version_and_no_record_are_refused_in_a_sentence(
    published: Path, tmp_path: Path
) -> None:
    copy = copied(published, tmp_path)
    old = (copy / "twoloops.json").read_bytes()
    (copy / "twoloops.json").write_bytes(old.replace(b'"version": 1', b'"version": 9', 1))
    assert failures(verify(copy).verified) == {
        "twoloops.json": "twoloops.json has version 9, and this twoloops understands versions up "
        "to 1: upgrade twoloops on this machine"
    }
    (copy / "twoloops.json").write_bytes(b"[" * 100_000)
    assert "is no record of a published model" in failures(verify(copy).verified)["twoloops.json"]
    with pytest.raises(UserError, match=r"is no folder: give the one that  twoloops publish"):
        verify(tmp_path / "nothing")


def test_a_sidecar_reads_as_it_was_written(sidecar: Sidecar) -> None:
    data = text(sidecar)
    found = read(data)
    assert msgspec.structs.replace(found, seal=sidecar.seal) == sidecar
    assert text(found) == data
    with pytest.raises(UserError, match="its seal does not match its text"):
        read(data + b"\n")


def test_without_the_extra_the_line_that_installs_it_is_said(
    published: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("model_signing", "cryptography.hazmat.primitives"):
        monkeypatch.setitem(sys.modules, name, None)
    assert verify(published).verified.failures == ()
    with pytest.raises(
        MissingExtraError, match=r"a signature needs .* run  pip install .*\[sign\]"
    ):
        verify(published, key.with_name("acme.pub"))
    with pytest.raises(MissingExtraError, match=r"making a signing key needs"):
        signing.new_key(tmp_path / "none")
