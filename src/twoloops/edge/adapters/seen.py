"""Which messages of a broker were taken already: in memory, and in marks that are durable.

A broker sends a message again when it does not know that it was acknowledged. What such a message
is known by depends on its sender:

- with a key of the sender's: key, topic and payload; whoever sends it again, it counts once;
- without: the broker's number of it, topic and payload, and only where the broker says that it
  sends again. Numbers are used anew, so these are remembered for a short while only.

The latest are durable, committed with the observation they speak of: after a crash, what the
broker had under way is known.
"""

from collections import OrderedDict

from twoloops.edge.ports import Line
from twoloops.records.digests import digest_bytes

DURABLE = 1024
"""Marks. A broker may have more under way than it was told to: mosquitto 2.0 sends a session that
it read from its disk far ahead, up to the 1,000 messages that it keeps for a client."""
IDENTITIES, LAPS = 1 << 46, 1 << 16
"""Both fit a mark together. Two messages are taken for one with a chance of 1 in 10^10."""
REMEMBERED = 4096
"""Messages with a key that are remembered in memory."""


class Seen:
    """Remembers identities. A mark is one of some slots, used in turn, and lap and identity.

    Args:
        name: Of the source, for its marks.
        line: Where earlier marks are.

    Raises:
        TransientError: Nobody knows the earlier marks now.
    """

    def __init__(self, name: str, line: Line) -> None:
        self._name = name
        self._latest: OrderedDict[int, None] = OrderedDict()
        self._keyed: OrderedDict[int, None] = OrderedDict()
        found: list[tuple[int, int]] = []
        for slot in range(DURABLE):
            position = line.taken(f"{name}:{slot}")
            if position is not None:
                self._latest[position % IDENTITIES] = None
                found.append((position // IDENTITIES, slot))
        # It goes on behind the newest: what the broker sends again is among the latest.
        self._lap, self._slot = _newest(found)

    def next(self, identity: int) -> tuple[str, int]:
        """Return the mark that an input is handed in with."""
        self._slot += 1
        if self._slot == DURABLE:
            self._lap, self._slot = (self._lap + 1) % LAPS, 0
        return f"{self._name}:{self._slot}", self._lap * IDENTITIES + identity

    def add(self, identity: int, *, keyed: bool) -> None:
        """Remember a message that was taken."""
        for memory, most in ((self._latest, DURABLE), (self._keyed, REMEMBERED)):
            if memory is self._latest or keyed:
                memory[identity] = None
                memory.move_to_end(identity)
                while len(memory) > most:
                    memory.popitem(last=False)

    def knows(self, identity: int) -> bool:
        """Whether it was taken."""
        return identity in self._latest or identity in self._keyed

    def forget(self, identity: int) -> None:
        """Take an earlier message for another one: the broker uses its number anew."""
        self._latest.pop(identity, None)


def identity(*parts: bytes) -> int:
    """Return a number below `IDENTITIES` that stands for some bytes, in order."""
    joined = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return int(digest_bytes(joined)[-16:], 16) % IDENTITIES


def _newest(found: list[tuple[int, int]]) -> tuple[int, int]:
    """Return lap and slot of the newest mark; laps begin anew after the last one."""
    if not found:
        return 0, -1
    some = found[0][0]
    return max(found, key=lambda one: ((one[0] - some + LAPS // 2) % LAPS, one[1]))
