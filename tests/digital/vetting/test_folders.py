"""Folders: links, programs, configurations and cards; pins; caps."""

import json
import os

import msgspec
import pytest

from twoloops.digital.vetting.limits import Limits


def write(folder, name: str, content: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "content", "place", "words"),
    [
        (
            "config.json",
            {"model_type": "x", "auto_map": {"AutoModel": "evil.Model"}},
            "key /auto_map",
            "names classes in files of the folder",
        ),
        ("config.json", {"a": [{"auto_map": {"A": "b"}}]}, "key /a", "names classes"),
        (
            "tokenizer_config.json",
            {"trust_remote_code": True},
            "key /trust_remote_code",
            "asks that code",
        ),
        (
            "config.json",
            b'{"auto_map": {"A": "evil.M"}, "auto_map": {}}',
            "key /auto_map",
            "names classes",
        ),
        ("modules.json", [{"type": "evil.Module"}], "key /0/type", "imports 'evil.Module'"),
        ("README.md", b"<ScRiPt>alert(1)</script>", "offset 0", "active content: '<ScRiPt'"),
        ("README.md", b"x [a](javascript:x)", "offset 6", "active content: 'javascript:'"),
        ("README.md", b"<img src=x onerror=x>", "offset 0", "active content"),
        ("modeling_evil.py", b"import os", "", "code that comes with a model"),
        ("weights.onnx", b"\x7fELF", "", "code that comes with a model"),
        ("run", b"#!/bin/sh\ntrue", "", "code that comes with a model"),
        ("model.gguf", b"GGUF", "", "weights in the format gguf"),
        ("model.h5", b"\x89HDF\r\n\x1a\n", "", "weights in the format hdf5"),
        ("w.npy", b"\x93NUMPY\x01\x00", "", "weights in the format numpy"),
    ],
)
def test_what_would_run_is_refused(folder, refusals, name, content, place, words) -> None:
    write(folder, name, content)
    (found,) = refusals(folder)
    assert found.file == name
    assert found.place.startswith(place)
    assert found.got.startswith(words)


def test_deep_configurations_are_walked_without_recursion(folder, refusals) -> None:
    inner: object = {"auto_map": {"A": "evil.M"}}
    for _ in range(300):
        inner = {"a": [inner]}
    write(folder, "config.json", inner)
    assert refusals(folder)[0].got.startswith("names classes")


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":' * 50_000])
def test_a_broken_configuration_is_told(folder, look, content) -> None:
    write(folder, "config.json", content)
    found = look(folder)
    assert found.verdicts[0].outcome == "needs"
    assert any(one.got.startswith("no JSON") for one in found.findings)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "nowhere", "config.json"])
def test_links_are_not_followed(folder, refusals, tmp_path, target) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "config.json").symlink_to(target)
    (found,) = refusals(folder)
    assert found.got == f"a symbolic link to {target!r}"
    assert found.allowed == "files themselves: cp -rL FROM TO"


def test_a_linked_folder_is_not_walked(folder, refusals, tmp_path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "evil.py").write_text("x")
    (folder / "inner").symlink_to(tmp_path / "other")
    assert {one.file for one in refusals(folder)} == {"inner"}


def test_a_second_name_of_a_file_is_refused(folder, refusals, tmp_path) -> None:
    (tmp_path / "secret").write_text("secret")
    os.link(tmp_path / "secret", folder / "notes.txt")
    assert refusals(folder)[0].got == "2 names for one file (hard links), the others unknown"


def test_pipes_are_not_opened(folder, refusals) -> None:
    os.mkfifo(folder / "model.onnx")
    assert refusals(folder)[0].got == "a device, pipe or socket"


def test_odd_names_are_refused_and_never_printed_as_they_are(folder, refusals) -> None:
    (folder / "a\x1b[2Jb.txt").write_text("x")
    (folder / "c\u202etxt.exe").write_text("x")
    found = [one for one in refusals(folder) if one.got == "a name with odd characters"]
    assert {one.file for one in found} == {"a\\x1b[2Jb.txt", "c\\u202etxt.exe"}


def test_text_of_a_file_reaches_no_terminal_as_it_is(folder, look) -> None:
    write(folder, "README.md", b"---\nlicense: \x1b[31mmit\x07\n---\n")
    write(folder, "config.json", {"\x1b[2J": {"auto_map": {"A": "\x1b[2J"}}})
    text = msgspec.json.encode(look(folder)).decode()
    assert "\\u001b" not in text
    assert "\\\\x1b[31mmit" in text


def test_caps_on_files_depth_and_size(folder, refusals) -> None:
    for number in range(12):
        write(folder, f"{number}.txt", b"x" * 10)
    assert "more than 10 files" in refusals(folder, Limits(files=10))[0].got
    assert refusals(folder, Limits(file_bytes=9))[0].got == "10 bytes"
    assert refusals(folder, Limits(total_bytes=50))[0].got == "10 bytes"
    write(folder, "a/b/c/d.txt", b"x")
    assert "folders in one another" in refusals(folder, Limits(depth=2))[0].got


def test_a_file_of_holes_is_not_copied(folder, refusals) -> None:
    with (folder / "model.onnx").open("wb") as file:
        file.truncate(1 << 40)
    assert refusals(folder)[0].got == "1,099,511,627,776 bytes"


def test_an_empty_folder_is_refused(folder, refusals) -> None:
    assert [one.got for one in refusals(folder)] == ["no file that could be looked at"]


def test_every_file_is_pinned_and_a_change_is_refused(folder, look, tensors) -> None:
    import hashlib

    path = tensors()
    write(folder, "config.json", {})
    first = look(folder)
    digests = {one.path: one.digest for one in first.files}
    assert digests["model.safetensors"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert look(folder, pinned=first.files).content == first.content
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    (folder / "config.json").unlink()
    write(folder, "new.txt", b"x")
    found = look(folder, pinned=first.files)
    pins = {one.file: one.got for one in found.findings if one.check == "pins"}
    assert set(pins) == {"model.safetensors", "config.json", "new.txt"}
    assert pins["model.safetensors"].endswith("changed under its name")
    assert found.content != first.content
    assert found.verdicts[0].outcome == "refused"


def test_the_folder_itself_is_left_as_it_was(folder, look, tensors) -> None:
    tensors()
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    look(folder)
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_what_nothing_reads_stands_against_passing_it_on(folder, look, tensors) -> None:
    tensors()
    write(folder, "blob", b"\x00\x01\x02")
    found = look(folder)
    assert found.verdicts[0].outcome == "nothing found against"
    assert "leave it out, or say what it is" in found.verdicts[1].because


def test_findings_of_one_kind_are_counted_after_the_first_twenty(folder, refusals) -> None:
    for number in range(50):
        write(folder, f"{number}.py", b"x")
    write(folder, "README.md", b"<script>" * 50)
    found = [one for one in refusals(folder) if one.check == "card"]
    assert len(found) == 21
    assert found[-1].got == "30 more findings of this check in this file"
