"""Pickles are walked, never performed; only the names that tensors need pass."""

import builtins
import contextlib
import io
import pickle
import pydoc
import struct
import timeit
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.digital.packaged.weights import MAGIC, PROTOCOL
from twoloops.digital.vetting.limits import DEFAULT, Limits
from twoloops.digital.vetting.opcodes import walk

runstring = np.testing._private.utils.runstring


def dumped(*values, protocol=2) -> bytes:
    return b"".join(pickle.dumps(value, protocol) for value in values)


def checkpoint(content: bytes = b"", tail: bytes = b"") -> bytes:
    """A checkpoint of the old torch format, empty unless told otherwise."""
    objects = content or dumped(OrderedDict())
    return dumped(MAGIC, PROTOCOL, {"little_endian": True}) + objects + dumped([]) + tail


@pytest.mark.parametrize("name", ["pytorch_model.bin", "w.pt", "w.pkl", "no_suffix"])
@pytest.mark.parametrize("protocol", range(2, 6))
def test_os_system_is_refused_with_its_offset(folder, refusals, canary, name, protocol) -> None:
    path = folder / name
    path.write_bytes(pickle.dumps(canary, protocol))
    found = [one for one in refusals(folder) if one.check == "pickle"]
    (named,) = [one for one in found if one.got.startswith("names")]
    assert named.file == name
    assert named.got in ("names 'posix.system'", "names 'nt.system'")
    assert named.place.startswith("offset ")
    assert "collections.OrderedDict" in named.allowed


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_text_pickle_is_known_by_its_suffix(folder, refusals, canary, protocol) -> None:
    (folder / "w.bin").write_bytes(pickle.dumps(canary, protocol))
    assert any("posix.system" in one.got for one in refusals(folder))


def test_gadgets_that_lists_of_forbidden_names_have_missed(folder, refusals, canary) -> None:
    gadgets = {
        "timeit": canary.gadget(timeit.timeit, "0", f"import os; os.system({canary.command!r})"),
        "runstring": canary.gadget(runstring, f"import os; os.system({canary.command!r})", {}),
        "locate": canary.gadget(pydoc.locate, "os.system"),
        "exec": canary.gadget(builtins.exec, f"import os; os.system({canary.command!r})"),
    }
    for name, gadget in gadgets.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(gadget))
    found = refusals(folder)
    assert {one.file for one in found if one.got.startswith("names")} == {
        f"{name}.pkl" for name in gadgets
    }


def test_the_canary_does_sing_when_it_is_unpickled(tmp_path, canary) -> None:
    pickle.loads(canary.payload)
    assert canary.sang
    canary.path.unlink()


def test_a_name_put_together_on_the_stack_and_in_the_memo_is_resolved() -> None:
    # "system" is memoised first, fetched last; STACK_GLOBAL sees ("os", "system").
    code = b"\x80\x04\x8c\x06system\x940\x8c\x02os\x94h\x00\x93\x8c\x02ls\x85R."
    (called,) = walk(code, DEFAULT).called
    assert (called.module, called.name) == ("os", "system")


def test_a_name_that_cannot_be_told_is_refused(folder, refusals) -> None:
    # The module's name is the result of a call: nobody knows it before it runs.
    code = b"\x80\x04ccollections\nOrderedDict\n)R\x8c\x06system\x93."
    (folder / "w.pkl").write_bytes(code)
    assert "names something that cannot be told" in {one.got for one in refusals(folder)}


def test_a_name_from_the_registry_is_refused(folder, refusals) -> None:
    (folder / "w.pkl").write_bytes(b"\x80\x02\x82\x01.")
    assert "takes a name from the registry" in {one.got for one in refusals(folder)}


def test_a_pickle_that_breaks_after_the_payload_is_judged_up_to_there(
    folder, refusals, canary
) -> None:
    (folder / "w.pkl").write_bytes(canary.payload[:-1] + b"\xff\xff")
    got = [one.got for one in refusals(folder)]
    assert "names 'posix.system'" in got
    assert any(one.startswith("pickle 1 is broken") for one in got)


def test_a_pickle_within_a_pickle_is_found(folder, refusals, canary) -> None:
    (folder / "w.pkl").write_bytes(pickle.dumps({"w": canary.payload}))
    found = refusals(folder)
    assert any(one.got == "names 'posix.system'" and "nested" in one.place for one in found)


def test_a_second_pickle_behind_the_first_is_found(folder, refusals, canary) -> None:
    (folder / "w.pkl").write_bytes(pickle.dumps([1]) + canary.payload)
    assert any(one.got == "names 'posix.system'" for one in refusals(folder))


def test_bytes_behind_a_pickle_are_refused(folder, refusals) -> None:
    (folder / "w.pkl").write_bytes(pickle.dumps([1]) + b"MZ hidden")
    assert any(one.got == "9 bytes after the pickle" for one in refusals(folder))


def test_an_old_checkpoint_of_tensors_is_read_by_the_allow_list_reader(folder, look) -> None:
    (folder / "w.pth").write_bytes(checkpoint(tail=bytes(100)))
    found = look(folder)
    notes = [one for one in found.findings if one.check == "pickle"]
    assert [one.severity for one in notes] == ["note"]
    assert "never unpickle it" in notes[0].allowed
    assert found.verdicts[0].outcome == "nothing found against"


def test_an_old_checkpoint_with_a_payload_in_any_pickle_is_refused(
    folder, refusals, canary
) -> None:
    (folder / "w.pth").write_bytes(checkpoint(content=canary.payload))
    assert any(one.got == "names 'posix.system'" for one in refusals(folder))


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


def test_a_torch_zip_with_a_payload_is_refused(folder, refusals, canary) -> None:
    members = {"m/data.pkl": canary.payload, "m/data/0": bytes(8), "m/version": b"3\n"}
    (folder / "pytorch_model.bin").write_bytes(zipped(members))
    found = refusals(folder)
    assert any(one.got == "names 'posix.system'" and "m/data.pkl" in one.place for one in found), (
        found
    )


def test_a_torch_zip_of_tensors_needs_a_conversion(folder, look) -> None:
    members = {"m/data.pkl": dumped(OrderedDict()), "m/data/0": b"\x80\x02numbers"}
    (folder / "w.pt").write_bytes(zipped(members))
    found = look(folder)
    assert found.verdicts[0].outcome == "needs"
    assert "convert it to safetensors" in found.verdicts[0].because[0]


def test_code_in_a_torch_zip_is_refused(folder, refusals) -> None:
    members = {"m/data.pkl": dumped([]), "m/code/m.py": b"import os"}
    (folder / "w.pt").write_bytes(zipped(members))
    assert any(one.got == "holds program data" for one in refusals(folder))


def test_too_many_instructions_end_the_walk(folder, refusals) -> None:
    (folder / "w.pkl").write_bytes(b"\x80\x02" + b"N0" * 5000 + b"N.")
    got = [one.got for one in refusals(folder, Limits(opcodes=1000))]
    assert got == ["pickle 1 is broken ('more than 1,000 instructions')"]


def test_a_length_beyond_the_file_takes_no_memory(folder, refusals) -> None:
    (folder / "w.pkl").write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"ab")
    assert any("pickle 1 is broken" in one.got for one in refusals(folder))


def test_a_frame_that_hides_bytes_is_refused(folder, refusals) -> None:
    # Read in order it names collections.OrderedDict; CPython drops "Ordered" with its frame's
    # end, and reads the next eleven bytes, and what comes after them, as something else.
    text = b"\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R."
    short = b"\x80\x04\x95" + struct.pack("<Q", 23) + text
    whole = b"\x80\x04\x95" + struct.pack("<Q", len(text)) + text
    assert [call.name for call in walk(whole, DEFAULT).called] == ["OrderedDict"]
    (folder / "w.pkl").write_bytes(short)
    assert any("a frame that does not end" in one.got for one in refusals(folder))
    (folder / "w.pkl").write_bytes(whole[:11] + whole[2:])
    assert any("a frame within a frame" in one.got for one in refusals(folder))


@pytest.mark.parametrize("protocol", range(4, 6))
def test_frames_as_python_writes_them_pass(protocol) -> None:
    long = [b"x" * 70_000, "y" * 70_000, *map(str, range(30_000))]
    assert walk(pickle.dumps(long, protocol), DEFAULT).broken == ""


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(value=plain, protocol=st.integers(0, 5))
def test_plain_values_name_nothing_and_end_where_they_end(value, protocol) -> None:
    data = pickle.dumps(value, protocol)
    one = walk(data + b"rest", DEFAULT)
    assert (one.called, one.extensions, one.broken, one.end) == ((), (), "", len(data))


@given(value=plain, protocol=st.integers(0, 5), name=st.sampled_from([len, timeit.timeit, print]))
def test_any_function_among_plain_values_is_named(value, protocol, name) -> None:
    one = walk(pickle.dumps([value, name, value], protocol), DEFAULT)
    expected = (name.__module__, name.__name__)
    if protocol < 3:  # as pickle renames it for Python 2
        expected = (expected[0].replace("builtins", "__builtin__"), expected[1])
    assert [(call.module, call.name) for call in one.called] == [expected]


@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_walk_stumble(data) -> None:
    one = walk(b"\x80\x04" + data, DEFAULT)
    assert one.broken or one.end <= len(data) + 2


class Spy(pickle.Unpickler):
    """The real machine, which tells the names it resolves and resolves none."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.named: list[tuple[str, str]] = []

    def find_class(self, module, name):
        self.named.append((module, name))
        return OrderedDict

    def persistent_load(self, pid):
        return None


@given(
    parts=st.lists(
        st.sampled_from(
            [
                b"\x8c\x02os", b"\x8c\x06system", b"\x93", b"\x94", b"h\x00", b"h\x01", b"0", b"2",
                b"(", b"t", b"l", b"d", b"]", b"}", b"a", b"s", b"u", b"e", b"\x85", b"\x86", b"R",
                b"1", b"N", b"q\x00", b"cos\nsystem\n", b"Q", b")", b"\x81", b"b", b"K\x01",
            ]
        ),
        max_size=14,
    )
)  # fmt: skip
def test_every_name_the_real_machine_resolves_is_told(parts) -> None:
    code = b"\x80\x04" + b"".join(parts) + b"."
    spy = Spy(code)
    with contextlib.suppress(Exception):  # what was named before it broke was named
        spy.load()
    told = [(call.module, call.name) for call in walk(code, DEFAULT).called]
    for number, name in enumerate(spy.named):
        assert number < len(told), "the real machine goes further than the walk"
        assert told[number] in (name, ("", ""))
