"""Enrolment: an edge-scoped token is exchanged for the edge's own, and a root is trusted."""

from pathlib import Path
from urllib.parse import quote

import msgspec

from twoloops.edge.client import HttpServer, Refused
from twoloops.edge.home import ORDERS, SETTINGS, Home, Orders, Settings, Standing
from twoloops.edge.trust.updating import begin
from twoloops.records.assignment import EVERYONE, group_name, hexadecimal
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an edge asks with its first token, whose name is the edge's name.

    Args:
        task: The task it will decide.
        group: Its group of devices.
    """

    task: str
    group: str = EVERYONE


class Enrolled(msgspec.Struct, frozen=True):
    """What it gets.

    Args:
        edge: Its name.
        secret: Its own token, shown this once.
        root: Digest of the newest root metadata of the server's releases.
    """

    edge: str
    secret: str
    root: Digest


def enrol(
    folder: Path,
    server: str,
    token: str,
    wanted: Enrol,
    standing: Standing,
    root: Digest | None = None,
) -> Settings:
    """Exchange a token, and keep what the edge needs in its folder.

    The exchanged token ends with the first use of the new one, which happens here, so that an
    answer lost on the way is only asked for again.

    Args:
        folder: The edge's; made when missing. Enrolled again, it keeps its spool and releases.
        server: Its URL.
        token: Of scope edge, with the edge's name.
        wanted: The task and the group.
        standing: How an edge stands that has not run.
        root: Digest of the root metadata, brought by a way that is trusted. Left out, the one that
            this first answer names is trusted from now on.

    Raises:
        UserError: The server refused, has another root, or the folder belongs to another edge.
        TransientError: It cannot be reached.
    """
    group_name(wanted.group)
    if root is not None:
        hexadecimal(root)
    home = Home(folder)
    got = _exchanged(HttpServer(server, token), wanted)
    if root is not None and got.root != root:
        raise UserError(
            f"the server's releases go back to root {got.root}, and --root-digest is {root}: "
            "compare with  twoloops keys show  on the server itself"
        )
    known = home.read(SETTINGS, Settings)
    if known is not None and known.edge != got.edge:
        raise UserError(
            f"{folder} belongs to edge {known.edge!r}, and the token is for {got.edge!r}: name "
            "another --folder"
        )
    # Enrolled again, it goes on from the root it knows: that one leads to the newest by itself.
    trusts = got.root if known is None or root is not None else known.root
    begin(home.releases, trusts, wanted.task, wanted.group)
    settings = Settings(server.rstrip("/"), got.edge, wanted.task, wanted.group, trusts)
    home.enrolled(settings, got.secret)
    first = HttpServer(server, got.secret)
    path = f"/api/v1/edges/{quote(got.edge, safe='')}/heartbeat"
    orders = msgspec.json.decode(first.post(path, msgspec.json.encode(standing)), type=Orders)
    home.put(ORDERS, orders)
    return settings


def _exchanged(server: HttpServer, wanted: Enrol) -> Enrolled:
    """Exchange the token.

    Raises:
        UserError: The server refused, or is another program.
        TransientError: It cannot be reached.
    """
    try:
        answer = server.post("/api/v1/edges", msgspec.json.encode(wanted))
        return msgspec.json.decode(answer, type=Enrolled)
    except Refused as error:
        if error.status in (401, 403):
            raise UserError(
                f"{error}; a device is enrolled with a token that none has used yet: make one on "
                "the server with  twoloops token add NAME --scope edge"
            ) from error
        if error.status != 404:
            raise
        why = str(error)
    except msgspec.DecodeError as error:
        why = f"its answer cannot be read: {error}"
    raise UserError(
        f"{server.url} is no twoloops server ({why}): give its URL as  twoloops serve  prints it"
    )
