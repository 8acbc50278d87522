"""Sink `syslog://HOST:PORT`: a line of syslog (RFC 3164) for each verdict, by UDP."""

import socket
from urllib.parse import urlsplit

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.ports import Verdict
from twoloops.records.errors import UserError

NOTICE = 16 * 8 + 5
"""Facility local0, severity notice."""


class Syslog:
    """Sends and forgets, as UDP does."""

    def __init__(self, address: tuple[str, int], edge: str) -> None:
        self._address, self._edge = address, edge
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def put(self, verdict: Verdict) -> None:
        when = verdict.at.strftime("%b %d %H:%M:%S")
        said = verdict.label or verdict.refused or "no model"
        text = f"<{NOTICE}>{when} {self._edge} twoloops: {verdict.key}: {said}"
        self._socket.sendto(text.encode()[:1024], self._address)

    def close(self) -> None:
        self._socket.close()


def sink(asked: Asked) -> Syslog:
    parts = urlsplit(asked.words)
    if not parts.hostname or parts.port is None:
        raise UserError(f"--sink {asked.words!r} names no address: write  syslog://HOST:PORT")
    return Syslog((parts.hostname, parts.port), asked.edge)
