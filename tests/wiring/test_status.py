"""Where a workspace stands, and what it was paid in."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from twoloops.cli.standing import print_status
from twoloops.convergence.turns.state import TurnState
from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling import desk
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import ask
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store
from twoloops.wiring.bought import bought, told
from twoloops.wiring.overview import overview_of
from twoloops.wiring.own import own
from twoloops.wiring.status import standing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EURO, DOLLAR = Money(Decimal(2), "EUR"), Money(Decimal("0.05"), "USD")


def paid_in_two(folder: Path) -> Store:
    """A person is paid in euros, a teacher in dollars."""
    store = Store.open(folder)
    costs = Costs(EURO, EURO, EURO)
    task = Task("orders", "text", ("leak", "ok"), normal="ok", costs=costs)
    store.tasks.put(task)
    places = [Place("orders", "e1", number) for number in (1, 2)]
    for place in places:
        data = f"order {place.counter}".encode()
        one = Observation(place, "orders", digest_bytes(data), NOW, "p", None, Kept("routine", 1.0))
        ingest(store, [Spooled(one, data)])
    ask(store, "orders", [Question(place, 1, "selected", 0.5, 1) for place in places])
    store.turns.put("orders", 1, "label", TurnState(number=1, period="p", stage="label"))
    for place, who, cost in zip(places, ("person:ann", "teacher:big"), (EURO, DOLLAR), strict=True):
        answer(store, "orders", [Label(place, "leak", who, NOW, cost)], at=NOW)
    return store


def test_two_currencies_stand_beside_each_other_and_are_never_added(tmp_path: Path, capsys) -> None:
    with paid_in_two(tmp_path / "w") as store:
        status = standing(store, tmp_path / "w")
        assert status.tasks[0].spent == (EURO, DOLLAR)
        print_status(status, Path())
        assert "2, for 2 EUR and 0.05 USD" in capsys.readouterr().out
        said = told(bought(store, store.tasks.get("orders")))
        assert said.startswith("2 labels for 2.00 EUR and 0.05 USD;")
        assert desk.progress(store, "orders", "person:ann", at=NOW).cost == (EURO, DOLLAR)
        assert "several currencies (EUR, USD)" in overview_of(store).tasks[0].returns.why_not
    (task,) = own(tmp_path / "w").tasks
    assert task.elsewhere == (DOLLAR,)
    assert [one.cost for one in task.turns] == [EURO]
    assert task.labellers == {"person:ann": (1, EURO), "teacher:big (USD)": (1, DOLLAR)}
