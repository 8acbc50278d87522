"""A small plant for `fleet_fault.py`: edges, a server and a labeller, by one clock.

Every step is the product's: `edge.station`, `edge.spool`, `edge.uplink`, `edge.releases` with
signed metadata over loopback HTTP; `wiring.floor`, `wiring.rollouts`, `wiring.trust`; the stages of
turns; `labelling.desk`, as the label page calls it. Three things stand in for something else:
batches and heartbeats go by a call instead of HTTP, time is the plant's, and who labels knows the
truth.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from twoloops.convergence.rollouts.state import State
from twoloops.convergence.turns.drifting import keep_finding, look_for_drift, open_turn
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy, policy_of
from twoloops.edge.backoff import Backoff
from twoloops.edge.home import Home, Orders, Settings, Standing
from twoloops.edge.releases import Releases
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.station import PERIOD, Station
from twoloops.edge.trust.updating import begin
from twoloops.edge.uplink import Uplink
from twoloops.physical.drift.finding import Finding
from twoloops.physical.labelling import desk
from twoloops.physical.labelling.desk import Reply
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import Digest
from twoloops.records.task import Task
from twoloops.server.scheduler import LOOK_EVERY
from twoloops.store.edges import Enrolment
from twoloops.store.rows import Release
from twoloops.store.uploads import Uploads
from twoloops.store.workspace import Store
from twoloops.wiring import rollouts, trust
from twoloops.wiring.floor import enrol, heartbeat, opened, receive
from twoloops.wiring.rollout_evidence import Deciding

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
WHO = "person:oracle"
SPOOL = 1 << 30


class Clock:
    """The plant's time, in whole hours."""

    def __init__(self) -> None:
        self.hour = 0

    def __call__(self) -> datetime:
        """Return it."""
        return BEGAN + timedelta(hours=self.hour)


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Serve the signed files of a workspace on loopback; yields the address."""

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def translate_path(self, path: str) -> str:
            # Keys lie beside: only what is signed is served.
            allowed = path.startswith(("/trust/metadata/", "/trust/targets/"))
            return super().translate_path(path if allowed else "/nothing")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Wire:
    """The server as an edge reaches it, without a network between."""

    def __init__(self, folder: Path, store: Store, edge: Enrolment, clock: Clock) -> None:
        self._folder, self._store, self._edge, self._clock = folder, store, edge, clock

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> bytes:
        """Answer as the routes of the server do."""
        store, edge, at = self._store, self._edge, self._clock()
        if path.endswith("/heartbeat"):
            said = msgspec.json.decode(body, type=Standing)
            counter = trust.latest_counter(self._folder, edge.task, edge.group)
            return msgspec.json.encode(heartbeat(store, edge, said, counter, at))
        took = receive(store, Uploads(self._folder), edge, opened(body), at)
        return msgspec.json.encode(took)

    def put(self, path: str, body: bytes) -> bytes:
        """No input here is large enough to go ahead of its batch."""
        raise NotImplementedError(path)

    def get(self, path: str) -> bytes:
        """As `put`."""
        raise NotImplementedError(path)


class Edge:
    """One edge: what `edge.process` holds together, a step of time at a time."""

    def __init__(
        self, folder: Path, store: Store, task: Task, name: str, group: str, url: str, clock: Clock
    ) -> None:
        self.name, self.group, self._clock = name, group, clock
        token, _ = store.tokens.add(name, "edge", clock())
        _, secret = enrol(store, token, task.name, group, clock())
        known = next(one for one in store.edges.all() if one.name == name)
        root = trust.root_digest(folder)
        home = Home(folder.parent / name)
        home.enrolled(Settings(url, name, task.name, group, root), secret)
        begin(home.releases, root, task.name, group)
        self._spool = Spool(home.spool, name, epoch=lambda: f"epoch of {name}")
        backoff = Backoff(random.Random(name).random)
        self.said: list[str] = []
        # Looked for whenever a heartbeat hints at something new.
        self._releases = Releases(
            home,
            takt=None,
            clock=clock,
            say=self.said.append,
            backoff=backoff,
            timer=lambda: 0.0,
        )
        policy = policy_of(store, task.name)
        self.station = Station(
            home,
            self._spool,
            Orders(task, policy.capture, policy.seed, 0),
            self._releases.slot,
            clock=clock,
            limit=SPOOL,
            releases=self._releases.standing,
        )
        self._uplink = Uplink(
            Wire(folder, store, known, clock),
            self._spool,
            standing=lambda: self.station.standing(),
            on_orders=self._ordered,
            backoff=backoff,
            beat=1.0,
            clock=lambda: float(clock.hour),
        )
        self.seen = 0

    @property
    def model(self) -> Digest | None:
        """The model that counts here."""
        return self._releases.slot.model

    def meet(self, inputs: list[bytes]) -> None:
        """Decide on inputs, keep, send, beat, and follow what is assigned."""
        arrivals = [Arrival(one, self._clock(), PERIOD) for one in inputs]
        if arrivals:
            self.station.observe([""] * len(arrivals), arrivals, [])
            self.seen += len(arrivals)
        self._releases.slot.settle()
        self._uplink.step()
        if self._uplink.last_error:
            raise RuntimeError(f"{self.name}: {self._uplink.last_error}")
        self._releases.step()

    def decide(self, inputs: list[bytes]) -> list[str | None]:
        """Return the labels that this edge decides, without keeping anything."""
        tally = self.station.decide_only([Arrival(one, self._clock(), PERIOD) for one in inputs])
        return [None if one is None else one.label for one in tally.decisions]

    def close(self) -> None:
        """Let go of files and threads."""
        self._uplink.stop()
        self._uplink.run()
        self._releases.slot.close()
        self._spool.close()

    def _ordered(self, orders: Orders) -> None:
        self.station.order(orders)
        self._releases.hint(orders.counter)


class Office:
    """The server's part: drift, turns, labels, roll-outs, signatures.

    Args:
        folder: The workspace.
        store: Its store.
        task: The task.
        bench: Bases and embeddings.
        clock: The plant's.
        truth: The right label of an input.
        step: Hours between two looks.
        labels_a_day: What the labeller gives.
        first: Observations of the first turn, which a person opens.
        every: Hours from a turn's opening to the next one's.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        task: Task,
        bench: Workbench,
        clock: Clock,
        truth: Callable[[Digest], str],
        *,
        step: int,
        labels_a_day: float,
        first: int,
        every: int,
    ) -> None:
        self._folder, self.store, self._task, self._bench = folder, store, task.name, bench
        self._clock, self._truth, self._pace = clock, truth, labels_a_day / 24 * step
        self._first, self._every = first, every
        self._loop: tuple[int | None, Loop] | None = None
        self._looked: tuple[str, int] = ("", 0)
        self._owed, self._deciding = 0.0, Deciding()
        self._signed: tuple[int, Release | None] = (-24, None)
        self.alarms: list[tuple[int, Finding]] = []
        """The first alarm about each release, with its hour."""
        self.labels: list[tuple[int, str]] = []
        """Labels given: hour and label."""

    def look(self) -> None:
        """Do what is due, in the order of the scheduler."""
        self._watch()
        self._turn()
        self._answer()
        rollouts.look(self._folder, self.store, self._clock(), self._deciding)
        release = self.store.releases.deployed(self._task)
        if release != self._signed[1] or self._clock.hour >= self._signed[0] + 24:
            trust.publish(self._folder, self.store, self._clock())
            self._signed = self._clock.hour, release

    def loop(self) -> Loop:
        """Return the loops, with what they remember while one turn goes on."""
        last = self.store.turns.last(self._task)
        number = None if last is None else last.number
        if self._loop is None or self._loop[0] != number:
            policy = policy_of(self.store, self._task)
            self._loop = number, Loop(self.store, self._task, policy, self._bench, self._clock)
        return self._loop[1]

    def _watch(self) -> None:
        release = self.store.releases.deployed(self._task)
        count = self.store.observations.count(self._task)
        if release is None:
            return
        model, last = self._looked
        if model == release.model and count < last + max(LOOK_EVERY, last // 50):
            return
        self._looked = release.model, count
        finding = look_for_drift(self.loop())
        if finding is None:
            return
        known = {one.model for _, one in self.alarms}
        if finding.alarms and finding.model not in known:
            self.alarms.append((self._clock.hour, finding))
        keep_finding(self.loop(), finding)
        open_turn(self.loop(), finding)

    def _turn(self) -> None:
        row = self.store.turns.open(self._task)
        if row is None and not self._due():
            return
        turn = current(self.loop()) if row is None else row.read(TurnState)
        if turn.stage in ("label", "confirm") and open_questions(
            self.store, self._task, turn.number
        ):
            return
        go_on(self.loop(), turn)

    def _due(self) -> bool:
        new, last = self.store.observations.unclaimed(self._task), self.store.turns.last(self._task)
        if last is None:
            return new >= self._first
        fact = self.store.journal.by_key(f"{self._task}/{last.number}/observations claimed/")
        if not new or fact is None:
            return False
        return self._clock() >= fact.recorded_at + timedelta(hours=self._every)

    def _answer(self) -> None:
        """Let the labeller answer as many items as there is time for; idle time is lost."""
        self._owed = min(self._owed + self._pace, max(1.0, self._pace))
        while self._owed >= 1:
            items = desk.next_items(self.store, self._task, WHO, at=self._clock())
            if not items:
                return
            label = self._truth(items[0].input)
            reply = Reply(items[0].observation, label, new_label=True)
            desk.answer_item(self.store, self._task, WHO, reply, at=self._clock())
            self.labels.append((self._clock.hour, label))
            self._owed -= 1

    def ended(self) -> list[State]:
        """Return how every roll-out stands."""
        return [one.read(State) for one in self.store.rollouts.all(self._task)]


@contextmanager
def plant(
    folder: Path, task: Task, policy: Policy, edges: dict[str, str], bench: Workbench, **more: Any
) -> Iterator[tuple[Clock, Office, list[Edge]]]:
    """Build a plant in a folder.

    Args:
        folder: Empty.
        task: The task.
        policy: Of its turns.
        edges: Group by edge.
        bench: Bases and embeddings.
        more: Of `Office`.
    """
    clock, place = Clock(), folder / "server"
    with Store.open(place) as store:
        store.tasks.put(task)
        keep_policy(store, task.name, policy)
        trust.begin(place, clock())
        with published(place) as url:
            floor = [
                Edge(place, store, task, name, group, url, clock) for name, group in edges.items()
            ]
            try:
                yield clock, Office(place, store, task, bench, clock, **more), floor
            finally:
                for one in floor:
                    one.close()
