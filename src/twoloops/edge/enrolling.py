"""Enrolment: an edge-scoped token is exchanged for the edge's own."""

from pathlib import Path
from urllib.parse import quote

import msgspec

from twoloops.edge.client import HttpServer
from twoloops.edge.home import ORDERS, SETTINGS, Home, Orders, Settings, Standing
from twoloops.records.errors import UserError


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an edge asks with its first token, whose name is the edge's name.

    Args:
        task: The task it will decide.
    """

    task: str


class Enrolled(msgspec.Struct, frozen=True):
    """What it gets.

    Args:
        edge: Its name.
        secret: Its own token, shown this once.
    """

    edge: str
    secret: str


def enrol(folder: Path, server: str, token: str, task: str, standing: Standing) -> Settings:
    """Exchange a token, and keep what the edge needs in its folder.

    The exchanged token ends with the first use of the new one, which happens here, so that an
    answer lost on the way is only asked for again.

    Raises:
        UserError: The server refused, or the folder belongs to another edge.
        TransientError: It cannot be reached.
    """
    home = Home(folder)
    answer = HttpServer(server, token).post("/api/v1/edges", msgspec.json.encode(Enrol(task)))
    got = msgspec.json.decode(answer, type=Enrolled)
    known = home.read(SETTINGS, Settings)
    if known is not None and known.edge != got.edge:
        raise UserError(
            f"{folder} belongs to edge {known.edge!r}, and the token is for {got.edge!r}: name "
            "another --folder"
        )
    settings = Settings(server.rstrip("/"), got.edge, task)
    home.enrolled(settings, got.secret)
    first = HttpServer(server, got.secret)
    path = f"/api/v1/edges/{quote(got.edge, safe='')}/heartbeat"
    orders = msgspec.json.decode(first.post(path, msgspec.json.encode(standing)), type=Orders)
    home.put(ORDERS, orders)
    return settings
