"""Archives: bombs, paths that lead out, and members whose two headers disagree."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from twoloops.digital.vetting.limits import Limits


def zipped(members: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in members.items():
            made.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def tarred(*members: tarfile.TarInfo, mode="w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:
        for one in members:
            made.addfile(one, io.BytesIO(bytes(one.size)))
    return out.getvalue()


def member(name: str, kind=tarfile.REGTYPE, target="", size=0) -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.type, one.linkname, one.size = kind, target, size
    return one


@pytest.fixture
def got(folder, refusals):
    """Return a function that writes an archive and gives what was got."""

    def refusing(data: bytes, name: str = "model.zip", **limits) -> list[str]:
        (folder / name).write_bytes(data)
        return [one.got for one in refusals(folder / name, Limits(**limits))]

    return refusing


def test_an_archive_is_not_accepted_as_such(got) -> None:
    assert got(zipped({"a.txt": b"a"})) == ["an archive (zip)"]
    assert got(tarred(member("a", size=3)), "m.tar") == ["an archive (tar)"]
    assert got(b"7z\xbc\xaf\x27\x1c" + bytes(10), "m.bin") == ["an archive (7z)"]


def test_a_bomb_is_not_unpacked(got) -> None:
    found = got(zipped({"a": bytes(50_000_000)}))
    assert found[0].endswith("bytes that unpack to 50,000,000")


def test_many_members_below_the_ratio_end_at_the_total(got) -> None:
    members = {f"m{i}": bytes(1000) for i in range(20)}
    found = got(zipped(members, zipfile.ZIP_STORED), unpacked_bytes=5_000)
    assert found[0] == "1,000 bytes that unpack to 1,000"


def test_too_many_members_are_refused(got) -> None:
    assert "11 members" in got(zipped({f"{i}": b"" for i in range(11)}), members=10)


@pytest.mark.parametrize("name", ["../out", "/etc/cron.d/x", "a/../../b", "..\\out", "C:\\x"])
def test_a_member_that_leads_out_is_refused(got, tmp_path, name) -> None:
    assert "a path that leads out" in got(zipped({name: b"x"}))
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_is_refused(got) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        one = zipfile.ZipInfo("data.pkl")
        one.create_system, one.external_attr = 3, 0o120777 << 16
        made.writestr(one, "/etc/passwd")
    assert "a symbolic link" in got(out.getvalue())


def test_headers_that_disagree_are_refused(got) -> None:
    data = bytearray(zipped({"m/data.pkl": b"N."}, zipfile.ZIP_STORED))
    data[30:40] = b"m/evil.pkl"  # the member's own name, not the directory's
    assert any("disagree" in one or "BadZipFile" in one for one in got(bytes(data)))
    assert "its header and the directory disagree" in got(bytes(data))


def test_members_over_one_another_are_refused(got) -> None:
    data = bytearray(zipped({"a": b"AAAA", "b": b"BBBB"}, zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)
    assert "overlaps the member before it" in got(bytes(data))


def test_encrypted_and_rare_packings_are_refused(got) -> None:
    data = bytearray(zipped({"a": b"AAAA"}, zipfile.ZIP_STORED))
    for offset in (6, data.rindex(b"PK\x01\x02") + 8):
        data[offset] |= 1
    assert "encrypted" in got(bytes(data))
    assert "packed by method 14" in got(zipped({"a": b"AAAA"}, zipfile.ZIP_LZMA))


def test_a_member_changed_after_packing_is_refused(got) -> None:
    data = zipped({"m/data.pkl": b"N."}, zipfile.ZIP_STORED).replace(b"N.", b"K.", 1)
    assert any("cannot be read through" in one for one in got(data, "w.pt"))


def test_a_zip_in_a_zip_and_a_program_are_refused(got) -> None:
    found = got(zipped({"a": zipped({"b": b"b"}), "c.so": b"\x7fELF"}, zipfile.ZIP_STORED))
    assert {"holds zip data", "holds program data"} <= set(found)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (member("../out", size=1), "a path that leads out"),
        (member("/etc/x", size=1), "a path that leads out"),
        (member("a" * 200 + "/../../../x", size=1), "a path that leads out"),
        (member("w", tarfile.SYMTYPE, "/etc/passwd"), "a link to '/etc/passwd'"),
        (member("w", tarfile.LNKTYPE, "../x"), "a link to '../x'"),
        (member("w", tarfile.CHRTYPE), "a device or pipe"),
    ],
)
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_hostile_tar_is_refused_with_its_member(got, one, words, mode) -> None:
    assert words in got(tarred(one, mode=mode), "m.tar")


def test_a_compressed_bomb_ends_at_the_cap(got) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    assert any("it unpacks to more than" in one for one in got(bomb, "m.bin"))


def test_a_pickle_in_a_gzip_is_walked(got, canary) -> None:
    assert "names 'posix.system'" in got(gzip.compress(canary.payload), "w.pkl.gz")


def test_a_zip_without_its_directory_is_refused(got) -> None:
    data = zipped({"a": b"a"})
    assert any("cannot be read through" in one for one in got(data[:-10]))
