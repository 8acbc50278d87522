"""The physical loop of one's own: data and what it cost, who labelled it, where it is used."""

from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table
from twoloops.analysis.own import drawn
from twoloops.analysis.own.facts import Own, OwnTask
from twoloops.analysis.own.sources import CARDS, CATALOG, JOURNAL, day, day_of, id_of, made, where
from twoloops.analysis.words import clip
from twoloops.records.money import told

KINDS = {
    "history": "history (the label was known)",
    "person": "person",
    "teacher": "teacher (a dearer model)",
    "outcome": "outcome (measured later)",
}


LABELLER_COLUMNS = (
    Column("task"),
    Column("labeller"),
    Column("kind"),
    Column("given", "labels", "stock"),
    Column("share", "% of the task's labels", "", 3),
    Column("cost", "", "at what the task says a label costs", 4),
    Column("currency"),
)


def data_asset(own: Own) -> Exhibit:
    """Return how the labelled data grew, and what each turn of it cost."""
    tables, charts = [], []
    for task in own.tasks:
        tables.append(_growth(task))
        charts += _growth_charts(task)
    unset = [task for task in own.tasks if task.task.costs == type(task.task.costs)()]
    return made(
        own,
        "data-asset",
        "Data grown, and what it cost",
        "How much labelled data is there, since when, and what did each turn of it cost?",
        charts=charts,
        tables=tables,
        notes=[
            Note(
                "definition",
                "Data at cost: what was paid for its labels, and nothing else. It is no valuation "
                "and no entry in any book.",
                (JOURNAL,),
            ),
            *(
                Note(
                    "caution",
                    f"{task.task.name}: nobody has said what a label costs, so each counts 1 "
                    f"{task.currency}. Say it when the task is added, or replay with --label-cost.",
                    (CATALOG,),
                )
                for task in unset
            ),
            *(
                Note(
                    "caution",
                    f"{task.task.name}: labels for {told(task.elsewhere)} are in none of these "
                    f"sums, which are in {task.currency}: two currencies are never added.",
                    (JOURNAL,),
                )
                for task in own.tasks
                if task.elsewhere
            ),
        ],
    )


def labellers(own: Own) -> Exhibit:
    """Return who labelled, and whether a dearer model taught any of it."""
    rows, bars = [], []
    for task in own.tasks:
        total = sum(count for count, _ in task.labellers.values())
        for name, (count, paid) in sorted(task.labellers.items()):
            kind = KINDS.get(name.partition(":")[0], name)
            share = 100 * count / total
            cells = (task.task.name, name, kind, count, share, float(paid.amount), paid.currency)
            rows.append(Row(cells, as_of=day(own), sources=(CATALOG,)))
            bars.append((task.task.name, kind, float(count)))
    taught = sum(
        count
        for task in own.tasks
        for name, (count, _) in task.labellers.items()
        if name.startswith("teacher:")
    )
    said = (
        f"{taught:,} labels came from a teacher; its terms stand in the exhibit on controls."
        if taught
        else "No label came from a teacher: nothing was distilled here."
    )
    distilled = [
        f"The ancestry of {base.name} holds a distillation: {one.relation} {one.name} "
        f"({one.publisher}), as its card says."
        for base in own.bases
        if base.card is not None and not base.card.parts
        for one in base.card.lineage
        if "distil" in one.relation
    ]
    return made(
        own,
        "distillation",
        "Who taught: people, history, teachers",
        "Who gave the labels, and was any of it learned from a dearer model?",
        charts=[
            drawn.bars(
                "labellers",
                "Labels by kind of labeller",
                bars,
                "labels (number)",
                "All labels bought so far, audit and golden labels included.",
                (CATALOG,),
            )
        ],
        tables=[Table("labellers", "Labels by labeller", LABELLER_COLUMNS, tuple(rows))],
        notes=[
            Note("definition", said, (CATALOG,)),
            *(Note("definition", words, (CARDS,)) for words in distilled),
        ],
    )


def places(own: Own) -> Exhibit:
    """Return where decisions are made: by edge, and by turn."""
    rows = [
        Row(
            (task.task.name, edge, kept, stands_for),
            as_of=day(own),
            sources=(CATALOG,),
        )
        for task in own.tasks
        for edge, (kept, stands_for) in sorted(task.places.items())
    ]
    columns = (
        Column("task"),
        Column("edge"),
        Column("kept", "observations", "stock"),
        Column(
            "decisions they stand for",
            "decisions",
            "an estimate: each kept observation stands for 1 / its chance of being kept; what came "
            "before any model was deployed stands for none",
        ),
    )
    charts = [
        drawn.columns(
            id_of("use", task.task.name),
            f"{task.task.name}: decisions by turn",
            [
                (str(turn.number), "decisions", turn.decisions)
                for turn in task.turns
                if turn.decisions
            ],
            "turn (number; 0 is the seed)",
            "decisions (number, estimated from what was kept)",
            "A flow. What an edge never sent is not in it:  twoloops status  counts the gaps.",
            (CATALOG,),
        )
        for task in own.tasks
    ]
    return made(
        own,
        "applications",
        "Where it is used",
        "At which edges are decisions made, and how many?",
        charts=charts,
        tables=[Table("edges", "Observations by edge", columns, tuple(rows))],
    )


def _growth_charts(task: OwnTask) -> list[Chart | None]:
    name = task.task.name
    return [
        drawn.columns(
            id_of("data", name),
            f"{name}: labelled data to date",
            [
                (str(turn.number), part, float(count))
                for turn in task.turns
                if turn.dataset is not None
                for part, count in (
                    ("trains", turn.train),
                    ("judges first", turn.audit),
                    ("golden, never trains", turn.golden),
                )
            ],
            "turn (number; 0 is the seed)",
            "items of the frozen dataset (number)",
            "A stock: every dataset holds the labels of the turns before it.",
            (CATALOG,),
        ),
        drawn.columns(
            id_of("cost", name),
            f"{name}: what the labels of each turn cost",
            [
                (str(turn.number), "labels", float(turn.cost.amount))
                for turn in task.turns
                if turn.cost is not None
            ],
            "turn (number; 0 is the seed)",
            f"labels paid in the turn ({task.currency})",
            "A flow, at what the task says a label costs.",
            (JOURNAL,),
        ),
    ]


def _growth(task: OwnTask) -> Table:
    rows, total = [], 0.0
    for turn in task.turns:
        paid = float(turn.cost.amount) if turn.cost is not None else 0.0
        total += paid
        rows.append(
            Row(
                (
                    str(turn.number),
                    clip(turn.period, 40),
                    turn.observations,
                    turn.labels,
                    paid,
                    total,
                    turn.train,
                    turn.audit,
                    turn.golden,
                ),
                as_of=day_of(turn),
                sources=(JOURNAL, CATALOG),
                computed=where(turn) + ("" if turn.closed else "; the turn is open"),
            )
        )
    columns = (
        Column("turn"),
        Column("period"),
        Column("kept", "observations", "flow: claimed by the turn"),
        Column("paid", "labels", "flow: in the turn"),
        Column("cost", task.currency, "flow", 4),
        Column("cost to date", task.currency, "stock: data at cost", 4),
        Column("train", "items", "stock: the turn's frozen dataset"),
        Column("judge first", "items", "audit labels of the turn, trained on from the next"),
        Column("golden", "items", "never train"),
    )
    name = task.task.name
    return Table(id_of("growth", name), f"{name}: data by turn", columns, tuple(rows))
