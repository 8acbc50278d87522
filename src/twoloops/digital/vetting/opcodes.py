"""Which names a pickle would call, found by walking its instructions without performing any.

A pickle is a program for a stack machine. Here the machine is run on symbols: texts stay texts,
everything else is an unknown. So `STACK_GLOBAL`, whose two texts may come from anywhere on the
stack or out of the memo, is resolved as the real machine would, and where it cannot be, that is
said. Nothing is imported, built or called.
"""

import io
import pickletools
from typing import Any, NamedTuple

from twoloops.digital.vetting.limits import Limits

UNKNOWN = None
"""Anything on the stack but a text or a whole number."""


class Called(NamedTuple):
    """A name that unpickling would resolve.

    Attributes:
        module: Its module; empty where it cannot be told.
        name: Its name, likewise.
        offset: Of the instruction, in the stream.
    """

    module: str
    name: str
    offset: int


class Walk(NamedTuple):
    """What is known of one pickle.

    Attributes:
        called: Every name it would resolve, in order.
        extensions: Offsets of instructions that take a name out of the process's registry.
        blobs: Byte strings that begin as a pickle does, with their offsets.
        value: The result, where it is a text or a number.
        end: Offset after its last instruction.
        opcodes: How many instructions.
        broken: What is wrong with it; empty for nothing. What stands before is performed by a
            real reader all the same.
    """

    called: tuple[Called, ...]
    extensions: tuple[int, ...]
    blobs: tuple[tuple[int, bytes], ...]
    value: object
    end: int
    opcodes: int
    broken: str


class _Mark:
    pass


MARK = _Mark()


class _Machine:
    """The stack and the memo, with symbols in place of objects."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.called: list[Called] = []
        self.extensions: list[int] = []
        self.blobs: list[tuple[int, bytes]] = []

    def step(self, opcode: Any, argument: Any, offset: int) -> None:
        name = opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name == "DUP":
            self.stack.append(self.stack[-1])
        elif name == "MARK":
            self.stack.append(MARK)
        elif name == "STACK_GLOBAL":
            self._global(self.stack.pop(-2), self.stack.pop(), offset)
        elif name in ("GLOBAL", "INST"):
            module, _, rest = str(argument).partition(" ")
            if name == "INST":
                self._to_mark()
            self._global(module, rest, offset)
        else:
            self._other(opcode, argument, offset)

    def _global(self, module: Any, name: Any, offset: int) -> None:
        known = isinstance(module, str) and isinstance(name, str)
        self.called.append(Called(module, name, offset) if known else Called("", "", offset))
        self.stack.append(UNKNOWN)

    def _other(self, opcode: Any, argument: Any, offset: int) -> None:
        if opcode.name in ("EXT1", "EXT2", "EXT4"):
            self.extensions.append(offset)
        data = argument.encode("latin-1", "ignore") if isinstance(argument, str) else argument
        if isinstance(data, (bytes, bytearray)) and data[:1] == b"\x80" and len(data) > 2:
            self.blobs.append((offset, bytes(data)))
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            if opcode.name != "POP_MARK" or MARK in self.stack:
                self._to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.stack.pop()
        literal = not opcode.stack_before and type(argument) in (str, int)
        for _ in opcode.stack_after:
            self.stack.append(argument if literal else UNKNOWN)

    def _to_mark(self) -> None:
        while self.stack.pop() is not MARK:
            pass


class _Frames:
    """Frames have to end where instructions do.

    CPython drops what is left of a frame when an argument reaches beyond it, so a frame that is
    too short hides bytes: the machine then performs other instructions than stand there.
    """

    def __init__(self) -> None:
        self._end: int | None = None

    def step(self, name: str, argument: Any, start: int, end: int) -> None:
        if self._end is not None and start >= self._end:
            self._end = None
        if name == "FRAME":
            if self._end is not None:
                raise ValueError(f"a frame within a frame at offset {start}")
            self._end = end + argument
        elif self._end is not None and (end > self._end or (name == "STOP" and end < self._end)):
            raise ValueError(f"a frame that does not end with an instruction, offset {start}")


def walk(data: bytes, limits: Limits) -> Walk:
    """Walk the first pickle in `data`.

    Args:
        data: Begins with a pickle; what comes after it is not looked at.
        limits: `opcodes` caps the instructions.
    """
    machine, frames = _Machine(), _Frames()
    count, value, broken = 0, UNKNOWN, "it has no end"
    stream = io.BytesIO(data)
    try:
        for opcode, argument, position in pickletools.genops(stream):
            count += 1
            if count > limits.opcodes:
                broken = f"more than {limits.opcodes:,} instructions"
                break
            frames.step(opcode.name, argument, position or 0, stream.tell())
            if opcode.name == "STOP":
                value, broken = machine.stack[-1] if machine.stack else UNKNOWN, ""
                break
            machine.step(opcode, argument, position or 0)
    # The stack ran empty, the memo has no such entry, an argument is cut off or no number.
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeError) as error:
        broken = f"{type(error).__name__}: {error}"
    end = stream.tell()
    return Walk(
        tuple(machine.called),
        tuple(machine.extensions),
        tuple(machine.blobs),
        value,
        end,
        count,
        broken,
    )
