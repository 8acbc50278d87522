"""A roll-out with a real device at a real server: what is signed, followed, counted and judged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rolling import TASK, Plant, release, signal
from serving_workspace import on_a_thread

from twoloops.convergence.rollouts.plan import Least, Plan, Stage
from twoloops.edge.backoff import Backoff
from twoloops.edge.home import Home, Paired, Settings, Standing
from twoloops.edge.releases import EVERY, Releases
from twoloops.edge.trust.updating import begin
from twoloops.records.digests import Digest
from twoloops.wiring import rollouts, trust
from twoloops.wiring.rollout_plan import keep_plan
from twoloops.wiring.workspace import now

LEAST = Least(hours=0, decisions=10, labels=2)
PLAN = Plan(
    stages=(
        Stage(kind="shadow", least=LEAST),
        Stage(kind="canary", groups=("a",), least=LEAST),
    )
)


class Device:
    """An edge of group `a`, by its own code."""

    def __init__(self, plant: Plant, folder: Path, url: str) -> None:
        self.plant = plant
        secret = plant.store.tokens.add("edge", "edge", now())[1]
        home = Home(folder)
        root = trust.root_digest(plant.folder)
        home.enrolled(Settings(url, "edge-a", TASK, "a", root), secret)
        begin(home.releases, root, TASK, "a")
        self.time = 0.0
        self.releases = Releases(
            home,
            takt=None,
            clock=now,
            say=lambda _: None,
            backoff=Backoff(lambda: 0.5),
            timer=lambda: self.time,
        )

    def follow(self) -> Standing:
        """Look for what is signed, and take it."""
        self.time += EVERY
        self.releases.step()
        return self.standing()

    def decide(self, count: int) -> Standing:
        """Decide so many inputs, and be heard."""
        for number in range(count):
            self.releases.slot.decide([signal(2 + number / 100)])
        self.releases.slot.settle()
        standing = self.standing()
        self.plant.store.edges.heard("edge-a", standing, 0.0, self.plant.at)
        return standing

    def standing(self) -> Standing:
        """What it says of itself."""
        return Standing(
            **self.releases.standing(),
            version="0",
            clock=self.plant.at.isoformat(),
            seen=0,
            spooled=0,
            spool_bytes=0,
            disk_free=1,
            dropped=0,
            unknown=0,
            not_kept=0,
        )


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path / "ws", now(), groups=("a",))
    keep_plan(made.store, TASK, PLAN)
    yield made
    made.store.close()


def test_a_device_follows_a_roll_out_back_and_another_one_through(plant, tmp_path: Path) -> None:
    def runs(standing: Standing) -> tuple[Digest | None, str, Paired | None]:
        return standing.release, standing.mode, standing.paired

    store = plant.store
    with on_a_thread(plant.folder) as url:
        device = Device(plant, tmp_path / "edge", url)
        old = release(store, 1, plant.at)
        trust.publish(plant.folder, store, plant.at)
        assert runs(device.follow()) == (old, "full", None)
        bad = release(store, 2, plant.at, scale=-1.0)
        assert plant.look(0.01)
        assert runs(device.follow()) == (old, "shadow", None)
        plant.look(0.01)
        told = Paired(counting=old, beside=bad, decided=40, differed=40)
        assert runs(device.decide(40)) == (old, "shadow", told)
        assert plant.look(0.01)
        assert rollouts.standing(store)[0].status == "rolled back"
        assert runs(device.follow()) == (old, "full", None)
        good = release(store, 3, plant.at)
        assert plant.look(0.01)
        device.follow()
        plant.labelled("a", 4, "gg")
        plant.look(0.01)
        device.decide(30)
        assert plant.look(0.01)
        assert runs(device.follow()) == (good, "canary", None)
        plant.labelled("a", 5, "gg")
        plant.look(0.01)
        told = Paired(counting=good, beside=old, decided=30)
        assert runs(device.decide(30)) == (good, "canary", told)
        assert plant.look(0.01)
        assert rollouts.standing(store)[0].status == "done"
        assert runs(device.follow())[:2] == (good, "full")
        device.releases.slot.close()
