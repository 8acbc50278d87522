"""The catalog's tables, in text that SQLite and PostgreSQL both run.

Times are kept as ISO 8601 text in UTC with microseconds, which sorts as the times do; records as
their canonical JSON, beside the few columns that are searched by.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 4
"""Version of these tables; a catalog of a later one is not opened. 2 added `bases`; 3 the tables
of people and teachers, from `tokens` on; 4 those of the floor and of roll-outs, from `edges` on."""

INLINE_LIMIT = 64 * 1024
"""Inputs up to this many bytes lie in the catalog's own transaction, longer ones in blobs."""

metadata = MetaData()

# SQLite numbers rows by itself only where the key is exactly INTEGER.
_Serial = BigInteger().with_variant(Integer(), "sqlite")


def _place() -> list[Column[str] | Column[int]]:
    return [
        Column("edge", Text, nullable=False),
        Column("epoch", Text, nullable=False),
        Column("counter", BigInteger, nullable=False),
    ]


def _of_observation() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["edge", "epoch", "counter"],
        ["observations.edge", "observations.epoch", "observations.counter"],
    )


meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
)

inputs = Table(
    "inputs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary),  # NULL: in blobs, or forgotten
    Column("forgotten_at", Text),
)

observations = Table(
    "observations",
    metadata,
    *_place(),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("input", Text, ForeignKey("inputs.digest"), nullable=False),
    Column("period", Text, nullable=False),
    Column("observed_at", Text, nullable=False),
    Column("turn", Integer),  # NULL until a turn claims it
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter"),
)
Index("observations_by_time", observations.c.task, observations.c.observed_at)
Index("observations_by_turn", observations.c.task, observations.c.turn)
Index("observations_by_input", observations.c.input)

questions = Table(
    "questions",
    metadata,
    *_place(),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("probability", Double),
    Column("rank", Integer, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter", "turn"),
    _of_observation(),
)
Index("questions_by_turn", questions.c.task, questions.c.turn)

labels = Table(
    "labels",
    metadata,
    *_place(),
    Column("labeller", Text, nullable=False),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("label", Text, nullable=False),
    Column("labelled_at", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("currency", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter", "labeller"),
    _of_observation(),
)
Index("labels_by_task", labels.c.task)

datasets = Table(
    "datasets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("body", Text, nullable=False),
)

dataset_inputs = Table(
    "dataset_inputs",
    metadata,
    Column("dataset", Text, ForeignKey("datasets.digest"), nullable=False),
    Column("input", Text, nullable=False),
    PrimaryKeyConstraint("dataset", "input"),
)
Index("dataset_inputs_by_input", dataset_inputs.c.input)

models = Table(
    "models",
    metadata,
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("digest", Text, ForeignKey("inputs.digest"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("card", Text, nullable=False),
    PrimaryKeyConstraint("task", "digest"),
)
Index("models_by_dataset", models.c.dataset)

bases = Table(
    "bases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, ForeignKey("inputs.digest"), nullable=False),
    Column("source", Text, nullable=False),
    Column("shape", Text),
    Column("card", Text, nullable=False),
    Column("vetting", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    Column("dropped_at", Text),  # NULL: offered
)

releases = Table(
    "releases",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    Column("task", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("approved_at", Text, nullable=False),
    UniqueConstraint("task", "turn", "model"),
    ForeignKeyConstraint(["task", "model"], ["models.task", "models.digest"]),
)

turns = Table(
    "turns",
    metadata,
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("task", "number"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("task", "name", "turn"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("quarantined_at", Text, nullable=False),
    PrimaryKeyConstraint("source", "place"),
)

marks = Table(
    "marks",
    metadata,
    Column("edge", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("last", BigInteger, nullable=False),
    PrimaryKeyConstraint("edge", "epoch"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("edge", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "first"),
)

journal = Table(
    "journal",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("amount", Text),
    Column("currency", Text),
    Column("recorded_at", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
Index("journal_by_turn", journal.c.task, journal.c.turn)

lineage_nodes = Table(
    "lineage_nodes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
)

lineage_edges = Table(
    "lineage_edges",
    metadata,
    Column("child", Text, ForeignKey("lineage_nodes.digest"), nullable=False),
    Column("parent", Text, ForeignKey("lineage_nodes.digest"), nullable=False),
    Column("relation", Text, nullable=False),
    PrimaryKeyConstraint("child", "parent", "relation"),
)
Index("lineage_edges_by_parent", lineage_edges.c.parent)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("revoked_at", Text),
)

leases = Table(
    "leases",
    metadata,
    *_place(),
    Column("labeller", Text, nullable=False),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("until", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter", "labeller"),
    _of_observation(),
)

passes = Table(  # "can't tell"
    "passes",
    metadata,
    *_place(),
    Column("labeller", Text, nullable=False),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("why", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("amount", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("passed_at", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter", "labeller"),
    _of_observation(),
)

label_notes = Table(  # how a label was given
    "label_notes",
    metadata,
    *_place(),
    Column("labeller", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("opinion_shown", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter", "labeller"),
    _of_observation(),
)

withdrawn = Table(  # labels taken back before their turn froze
    "withdrawn",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    *_place(),
    Column("labeller", Text, nullable=False),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("label", Text, nullable=False),
    Column("labelled_at", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("withdrawn_at", Text, nullable=False),
    _of_observation(),
)

second_looks = Table(
    "second_looks",
    metadata,
    *_place(),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("settled_at", Text),  # NULL: nobody has looked again
    PrimaryKeyConstraint("edge", "epoch", "counter", "turn"),
    _of_observation(),
)
Index("second_looks_by_turn", second_looks.c.task, second_looks.c.turn)

observation_keys = Table(  # what the plant calls an observation: a serial number, an order
    "observation_keys",
    metadata,
    *_place(),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("key", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "counter"),
    _of_observation(),
)
Index("observation_keys_by_key", observation_keys.c.task, observation_keys.c.key)

teachers = Table(
    "teachers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("attached_at", Text, nullable=False),
    Column("dropped_at", Text),  # NULL: attached
)

teacher_calls = Table(  # the call book: written before a call is sent, and after
    "teacher_calls",
    metadata,
    Column("key", Text, primary_key=True),
    Column("teacher", Text, ForeignKey("teachers.name"), nullable=False),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("held", Text, nullable=False),
    Column("paid", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("begun_at", Text, nullable=False),
    Column("ended_at", Text),
)
Index("teacher_calls_by_teacher", teacher_calls.c.teacher, teacher_calls.c.begun_at)
Index("teacher_calls_by_task", teacher_calls.c.task, teacher_calls.c.turn)

edges = Table(
    "edges",
    metadata,
    Column("name", Text, primary_key=True),
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("device_group", Text, nullable=False),  # releases are assigned to groups
    Column("token", Text, ForeignKey("tokens.id"), nullable=False),  # its own, and only its own
    Column("enrolled_with", Text),  # the token that is exchanged; NULL once its own was used
    Column("enrolled_at", Text, nullable=False),
    Column("last_seen", Text),  # NULL: never
    Column("skew", Double),  # seconds its clock is before the server's
    Column("standing", Text),  # its last heartbeat
)
Index("edges_by_token", edges.c.token)

edge_epochs = Table(  # whose an epoch is: whoever sent it first
    "edge_epochs",
    metadata,
    Column("epoch", Text, primary_key=True),
    Column("edge", Text, ForeignKey("edges.name"), nullable=False),
)

edge_gaps = Table(  # why numbers of an epoch never come
    "edge_gaps",
    metadata,
    Column("edge", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("edge", "epoch", "first"),
)

rollouts = Table(  # how a release goes out to the edges
    "rollouts",
    metadata,
    Column("task", Text, ForeignKey("tasks.name"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("task", "number"),
)

rollout_moves = Table(  # what became of it, and on what evidence
    "rollout_moves",
    metadata,
    Column("task", Text, nullable=False),
    Column("rollout", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("moved_at", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("task", "rollout", "number"),
    ForeignKeyConstraint(["task", "rollout"], ["rollouts.task", "rollouts.number"]),
)
