"""Edges at the server: enrolment, each attack with a stolen token, batches that come again."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from litestar.testing import TestClient
from serving_workspace import Served

from twoloops.cli.main import run
from twoloops.edge.batch import HEADER, LARGEST, MAGIC, MEDIA_TYPE, Batch, pack
from twoloops.edge.process import first_standing
from twoloops.edge.spoolrows import Missing, Spooled
from twoloops.edge.uplink import PART
from twoloops.records.digests import digest_bytes
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.token import Scope
from twoloops.store.workspace import Store
from twoloops.wiring.floor import floor
from twoloops.wiring.workspace import now

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EDGES = "/api/v1/edges"


def seen(
    counter: int,
    data: bytes = b"hose leaks",
    *,
    edge: str = "press-4",
    epoch: str = "e1",
    task: str = "orders",
    decision: Decision | None = None,
) -> Spooled:
    place = Place(edge, epoch, counter)
    kept = Kept("novel", 1.0)
    one = Observation(place, task, digest_bytes(data), AT, "incoming", decision, kept)
    return Spooled(one, data)


class Edge(NamedTuple):
    """An edge's own token, and how it asks."""

    client: TestClient
    folder: Path
    name: str
    secret: str

    def post(self, path: str, body: bytes, kind: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": kind}
        return self.client.post(f"{EDGES}/{path}", content=body, headers=headers)

    def send(
        self,
        observations: Sequence[Spooled] = (),
        missing: Sequence[Missing] = (),
        *,
        name: str = "press-4",
        epoch: str = "e1",
        to: str = "press-4",
        follows: int = 0,
    ) -> Any:
        body = pack(Batch(name, epoch, tuple(observations), tuple(missing), follows))
        return self.post(f"{to}/batches", body, MEDIA_TYPE)

    def put(self, digest: str, at: int, part: bytes, to: str = "press-4") -> Any:
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "Content-Type": "application/octet-stream",
        }
        path = f"{EDGES}/{to}/uploads/{digest}?at={at}"
        return self.client.put(path, content=part, headers=headers)

    def uploaded(self, digest: str, to: str = "press-4") -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.client.get(f"{EDGES}/{to}/uploads/{digest}", headers=headers)

    def beat(self, to: str = "press-4", **changed: Any) -> Any:
        standing = msgspec.structs.replace(first_standing(), **changed)
        return self.post(f"{to}/heartbeat", msgspec.json.encode(standing))

    def counters(self) -> list[tuple[str, int]]:
        with Store.open(self.folder, create=False) as store:
            places = [one.place for one in store.observations.of_task("orders")]
        return sorted((place.edge, place.counter) for place in places)


def token(folder: Path, name: str, scope: Scope = "edge") -> str:
    with Store.open(folder, create=False) as store:
        return store.tokens.add(name, scope, now())[1]


def ask(client: TestClient, secret: str, task: str = "orders") -> Any:
    return client.post(EDGES, json={"task": task}, headers={"Authorization": f"Bearer {secret}"})


def enrolled(client: TestClient, folder: Path, name: str = "press-4") -> Edge:
    made = ask(client, token(folder, name)).json()
    assert made["edge"] == name
    return Edge(client, folder, name, made["secret"])


@pytest.fixture
def edge(client: TestClient, served: Served) -> Edge:
    return enrolled(client, served.folder)


def test_a_token_is_exchanged_until_the_edges_own_is_used(
    client: TestClient, served: Served
) -> None:
    first = token(served.folder, "press-4")
    lost = Edge(client, served.folder, "press-4", ask(client, first).json()["secret"])
    # The answer was lost: asked again, the one that nobody got is good for nothing.
    own = Edge(client, served.folder, "press-4", ask(client, first).json()["secret"])
    assert lost.beat().status_code == 401
    assert own.beat().status_code == 200
    assert ask(client, first).status_code == 401
    # An edge's own token makes no others, nor does one of another scope.
    assert ask(client, own.secret).status_code == 403
    assert ask(client, served.secrets["reader"]).status_code == 403
    assert ask(client, served.secrets["admin"]).status_code == 403
    assert (
        ask(client, token(served.folder, "press-5"), "nothing").status_code == 422
    )  # the body names the task


def test_an_edge_that_is_enrolled_anew_keeps_its_past_and_its_old_token_ends(
    edge: Edge, client: TestClient, served: Served
) -> None:
    assert edge.send([seen(1)]).status_code == 200
    new = enrolled(client, served.folder)
    assert edge.beat().status_code == 401
    assert new.send([seen(2)]).json()["new"] == 1
    assert new.counters() == [("press-4", 1), ("press-4", 2)]


def test_a_heartbeat_is_answered_with_orders_and_shown(
    edge: Edge, client: TestClient, served: Served
) -> None:
    ahead = (now() + timedelta(days=1)).isoformat()
    orders = edge.beat(clock=ahead, spooled=7).json()
    assert (orders["task"]["name"], orders["counter"]) == ("orders", 0)
    assert orders["capture"]["routine"] == 1.0  # of the first turn everything is kept
    (shown,) = client.get(EDGES, headers=served.bearer("reader")).json()
    assert (shown["edge"], shown["standing"]["spooled"]) == ("press-4", 7)
    assert 86_300 < shown["skew"] < 86_500
    assert edge.beat(clock="yesterday").status_code == 422


def test_a_batch_that_comes_again_counts_once(edge: Edge) -> None:
    batch = [seen(number, b"hose %d" % number) for number in (1, 2, 3)]
    took = edge.send(batch).json()
    assert took == {
        "edge": "press-4",
        "epoch": "e1",
        "upto": 3,
        "new": 3,
        "duplicates": 0,
        "quarantined": 0,
    }
    assert edge.send(batch).json()["duplicates"] == 3
    assert edge.send([*batch[1:], seen(4)]).json() == took | {"upto": 4, "new": 1, "duplicates": 2}
    # Also where the turn has changed meanwhile: what is known keeps its period.
    with Store.open(edge.folder, create=False) as store:
        store.turns.put("orders", 0, "label")
    assert edge.send(batch).json()["duplicates"] == 3
    edge.send([seen(5)])
    with Store.open(edge.folder, create=False) as store:
        assert store.observations.periods("orders") == {"turn 0": 4, "turn 1": 1}
        assert store.quarantine.count() == 0


def test_a_stolen_token_speaks_for_its_own_edge_and_task_alone(
    edge: Edge, client: TestClient, served: Served
) -> None:
    other = enrolled(client, served.folder, "press-5")
    own = [seen(1, edge="press-5", epoch="e2")]
    assert other.send(own, name="press-5", epoch="e2", to="press-5").status_code == 200
    attacks = {
        "another edge's address": edge.send([seen(1)], to="press-5"),
        "another edge's name": edge.send([seen(1, edge="press-5")], name="press-5"),
        "another edge's address and name": edge.send(
            [seen(1, edge="press-5")], name="press-5", to="press-5"
        ),
        "another edge's heartbeat": edge.beat(to="press-5"),
        "another task": edge.send([seen(1, task="pump")]),
        "not enrolled": Edge(client, served.folder, "", served.secrets["edge"]).send([seen(1)]),
        "an admin's": Edge(client, served.folder, "", served.secrets["admin"]).send([seen(1)]),
    }
    assert {name: answer.status_code for name, answer in attacks.items()} == dict.fromkeys(
        attacks, 403
    )
    assert "may not speak for another" in attacks["another edge's address"].json()["detail"]
    assert edge.counters() == [("press-5", 1)]


def test_an_epoch_belongs_to_the_edge_that_sent_it_first(
    edge: Edge, client: TestClient, served: Served
) -> None:
    other = enrolled(client, served.folder, "press-5")
    assert edge.send([seen(1)]).status_code == 200
    copied = other.send([seen(2, edge="press-5")], name="press-5", to="press-5")
    assert copied.status_code == 403
    assert "a spool was copied" in copied.json()["detail"]
    assert edge.counters() == [("press-4", 1)]


def test_another_edges_counter_inside_a_batch_is_refused(edge: Edge) -> None:
    for strange in (seen(2, edge="press-5"), seen(2, epoch="e2"), seen(1)):
        body = pack(Batch("press-4", "e1", (seen(1), strange)))
        answer = edge.post("press-4/batches", body, MEDIA_TYPE)
        assert answer.status_code == 422
    assert edge.counters() == []


def test_the_same_number_with_other_content_is_quarantined(edge: Edge) -> None:
    edge.send([seen(1, b"hose leaks")])
    assert edge.send([seen(1, b"all fine")]).json()["quarantined"] == 1
    assert edge.send([seen(1, b"all fine")]).json()["duplicates"] == 1
    with Store.open(edge.folder, create=False) as store:
        (bad,) = store.quarantine.all("press-4")
        assert "a spool was copied" in bad.reason
        (kept,) = store.observations.of_task("orders")
        assert store.inputs.get(kept.input) == b"hose leaks"


def test_what_cannot_be_used_is_quarantined_and_acknowledged(edge: Edge) -> None:
    nan = Decision("leak", (float("nan"), 1.0), "sha256:0", None, 0.0)
    odd = Decision("leak", (3.0, -2.0), "sha256:0", None, 0.0)
    bad = [
        seen(1, b"\xff\xfe"),
        seen(2, b"x" * 70_000),
        seen(3, b"nan", decision=nan),
        seen(4, b"odd", decision=odd),
        Spooled(seen(5).observation, b"other bytes"),
    ]
    took = edge.send([*bad, seen(6)]).json()
    assert (took["new"], took["quarantined"], took["upto"]) == (1, 5, 6)
    again = edge.send([*bad, seen(6)]).json()
    assert (again["new"], again["duplicates"]) == (0, 6)
    with Store.open(edge.folder, create=False) as store:
        assert store.marks.gaps() == []


def test_hostile_bodies_are_refused_with_their_reason(edge: Edge) -> None:
    whole = pack(Batch("press-4", "e1", (seen(1),)))
    bomb = HEADER.pack(MAGIC, 1_000) + zlib.compress(bytes(30_000_000))
    for body, says in (
        (b"", "cut off"),
        (b"x" * 100, "no batch"),
        (whole[:-3], "cut off"),
        (whole + b"x", "or more"),
        (bomb, "is not the 1,000 bytes"),
        (HEADER.pack(MAGIC, LARGEST + 1) + whole[12:], "declares"),
        (HEADER.pack(MAGIC, 3) + zlib.compress(b"\xc1\xc1\xc1"), "cannot be read"),
    ):
        answer = edge.post("press-4/batches", body, MEDIA_TYPE)
        assert answer.status_code == 422, says
        assert says in answer.json()["detail"]
    assert edge.post("press-4/batches", whole).status_code == 415
    large = edge.post("press-4/batches", bytes(LARGEST + 2), MEDIA_TYPE)
    assert large.status_code == 413


def test_gaps_have_their_reason_also_behind_the_last_observation(
    edge: Edge, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.send([seen(1), seen(5, b"e")], [Missing(2, 3, "the spool was full: routine")])
    edge.send([], [Missing(6, 9, "power cut")])
    with Store.open(edge.folder, create=False) as store:
        (one,) = floor(store)
    assert [(gap.first, gap.last, gap.reason) for gap in one.gaps] == [
        (2, 3, "the spool was full: routine"),
        (4, 4, ""),
        (6, 9, "power cut"),
    ]
    assert (one.unexplained, one.stored) == (1, 2)
    with pytest.raises(SystemExit):
        run(["status", "--workspace", str(edge.folder)])
    said = " ".join(capsys.readouterr().out.split())
    assert "press-4: 2 observations between 1 and 4: the spool was full: routine" in said
    assert "press-4: 1 observation between 3 and 5: unexplained" in said
    # What was thought lost and came after all is no gap any more.
    edge.send([seen(4, b"d")])
    edge.send([seen(6, b"f")])
    with Store.open(edge.folder, create=False) as store:
        (one,) = floor(store)
    assert [(gap.first, gap.last) for gap in one.gaps] == [(2, 3), (7, 9)]
    assert one.unexplained == 0


def test_a_batch_that_overtakes_the_one_it_follows_is_refused(edge: Edge) -> None:
    edge.send([seen(1)])
    early = edge.send([seen(3)], follows=2)
    assert early.status_code == 409
    assert "number 2 is to come before this batch" in early.json()["detail"]
    with Store.open(edge.folder, create=False) as store:
        assert floor(store)[0].gaps == (), "not for a moment is anything missing"
    assert edge.send([seen(2)], follows=1).json()["upto"] == 2
    assert edge.send([seen(3)], follows=2).json()["new"] == 1
    assert edge.send([seen(3)], follows=2).json()["duplicates"] == 1


def test_a_large_input_goes_ahead_in_parts_and_counts_once(edge: Edge) -> None:
    data = b"hose leaks " * 5000
    one = seen(1, data)
    digest, ahead = one.observation.input, one._replace(input=b"")
    early = edge.send([ahead])
    assert early.status_code == 409
    assert "did not come whole" in early.json()["detail"]
    assert edge.uploaded(digest).json() == {"size": 0}
    assert edge.put(digest, 0, data[:30_000]).json() == {"size": 30_000}
    assert edge.put(digest, 0, data[:30_000]).json() == {"size": 30_000}, "again: no difference"
    assert edge.send([ahead]).status_code == 409
    assert edge.uploaded(digest).json() == {"size": 0}, "who took it for whole begins anew"
    assert edge.put(digest, 0, data).json() == {"size": len(data)}
    assert edge.send([ahead, seen(2)]).json()["new"] == 2
    # The answer got lost: it is known by now, and need not come again.
    assert edge.send([ahead, seen(2)]).json()["duplicates"] == 2
    with Store.open(edge.folder, create=False) as store:
        kept = {one.place.counter: one.input for one in store.observations.of_task("orders")}
        assert store.inputs.get(kept[1]) == data
    assert edge.uploaded(digest).json() == {"size": 0}, "nothing is left behind"


def test_parts_of_another_edge_and_what_is_too_large_are_refused(
    edge: Edge, client: TestClient, served: Served
) -> None:
    other = enrolled(client, served.folder, "press-5")
    data = b"x" * 1000
    digest = digest_bytes(data)
    assert edge.put(digest, 0, data).json() == {"size": 1000}
    assert other.put(digest, 0, data, to="press-4").status_code == 403
    assert other.uploaded(digest, to="press-4").status_code == 403
    # It is not there for another edge, which only knows its digest.
    stolen = Spooled(seen(1, data, edge="press-5", epoch="e2").observation, b"")
    answer = other.send([stolen], name="press-5", epoch="e2", to="press-5")
    assert answer.status_code == 409
    assert edge.put(digest, 1000, b"x" * (PART + 1)).status_code == 413
    assert edge.put("sha256:..", 0, b"x").status_code == 422
    assert edge.put(digest, -1, b"x").status_code == 400
