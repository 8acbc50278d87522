"""The desk over HTTP: items out under a lease, answers in, each of them exactly once in effect."""

import io
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody

from twoloops.edge.preprocess.image import open_image
from twoloops.physical.labelling import desk
from twoloops.physical.labelling.desk import Progress
from twoloops.physical.labelling.policy import labelling_of
from twoloops.records.errors import UserError
from twoloops.records.label import Note
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Place, parse_place
from twoloops.server import access
from twoloops.server.access import Asking, labeller_of
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store
from twoloops.wiring.bought import bought, told
from twoloops.wiring.workspace import now

AHEAD = 20
"""Most items one labeller may have before them."""

Text = Annotated[str, msgspec.Meta(max_length=500)]
Comment = Annotated[str, msgspec.Meta(max_length=desk.COMMENT)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Next(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many items to have, the one before the labeller included."""

    ahead: Annotated[int, msgspec.Meta(ge=1, le=AHEAD)] = 1


class Opinion(msgspec.Struct, frozen=True):
    """What the deployed model decided when an observation came.

    Args:
        label: The decided label.
        probabilities: Of each of the model's labels, the greatest first.
        novelty: 0 (like the training data) to 1 (unlike any of it).
    """

    label: str
    probabilities: list[tuple[str, float]]
    novelty: float


class ShownItem(msgspec.Struct, frozen=True):
    """An item as it goes to a page: `text` is there for texts, other inputs are fetched.

    `opinion` is there only where the task shows it at once.
    """

    observation: str
    turn: int
    input: str
    until: str
    second_look: bool
    text: str | None
    opinion: Opinion | None = None


class Items(msgspec.Struct, frozen=True):
    """Items under a lease, the one to show first first; none where none is open."""

    items: list[ShownItem]
    labels: tuple[str, ...]
    progress: Progress


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer."""

    observation: Text
    label: Text
    seconds: Seconds = 0.0
    opinion_shown: bool = False
    comment: Comment = ""
    new_label: bool = False


class CannotTell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item of which the labeller cannot tell."""

    observation: Text
    why: Comment = ""
    seconds: Seconds = 0.0


class Undo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item whose answer is taken back."""

    observation: Text


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that are given back unanswered."""

    observations: Annotated[list[Text], msgspec.Meta(max_length=AHEAD)]


class Done(msgspec.Struct, frozen=True):
    """What became of it: `new` is false where it was known already."""

    new: bool
    cost: Money | None
    progress: Progress


class Told(msgspec.Struct, frozen=True):
    """A line to show."""

    told: str


class TakenBack(msgspec.Struct, frozen=True):
    """The label that was taken back; empty of a "can't tell", `None` where nothing was said."""

    label: str | None
    progress: Progress


def said(store: Store, place: Place, labeller: str) -> bool:
    """Whether a labeller has said anything of an observation."""
    labels = store.labels.find([place]).get(place, ())
    return any(one.labeller == labeller for one in (*labels, *store.passes.find([place])))


def place_of(text: str) -> Place:
    """Return the place a text names.

    Raises:
        UserError: It names none.
    """
    try:
        return parse_place(text)
    except ValueError:
        raise UserError(f"{text!r} is no observation: write EDGE/EPOCH/COUNTER") from None


@post("/api/v1/tasks/{task:str}/label/next", opt=access.LABEL, status_code=200)
async def next_items(request: Asking, task: FromPath[str], data: JSONBody[Next]) -> Items:
    """Lease the best open items to whoever asks; those they have already come first."""
    keeper: Keeper = request.app.state.keeper
    who, at = labeller_of(request), now()

    def act(store: Store) -> Items:
        found = desk.next_items(store, task, who, at=at, ahead=data.ahead)
        items = shown(store, task, found)
        labels = store.tasks.get(task).labels
        return Items(items, labels, desk.progress(store, task, who, at=at))

    return await keeper.write(act)


def shown(store: Store, task: str, found: Sequence[desk.Item]) -> list[ShownItem]:
    """Return items as a page needs them."""
    texts: dict[str, str] = {}
    if store.tasks.get(task).kind == "text":
        read = store.inputs.get_many([one.input for one in found])
        texts = {key: value.decode("utf-8", errors="replace") for key, value in read.items()}
    opinions: dict[Place, Opinion | None] = {}
    if labelling_of(store, task).opinion == "shown":
        opinions = {
            one.observation: opinion_of(store, desk.opinion(store, task, one.observation))
            for one in found
        }
    return [
        ShownItem(
            str(one.observation),
            one.turn,
            one.input,
            one.until.isoformat(),
            one.second_look,
            texts.get(one.input),
            opinions.get(one.observation),
        )
        for one in found
    ]


def opinion_of(store: Store, decision: Decision | None) -> Opinion | None:
    """Return a decision in words that need no model at hand."""
    if decision is None:
        return None
    labels = store.models.find(decision.model).card.labels
    said = zip(labels, decision.probabilities, strict=False)
    ordered = sorted(said, key=lambda one: -one[1])
    return Opinion(decision.label, ordered, decision.novelty)


@post("/api/v1/tasks/{task:str}/label/answer", opt=access.LABEL, status_code=200)
async def answer(request: Asking, task: FromPath[str], data: JSONBody[Answer]) -> Done:
    """Take in one answer; the same one again changes and costs nothing."""
    keeper: Keeper = request.app.state.keeper
    who, at, place = labeller_of(request), now(), place_of(data.observation)
    note = Note(data.seconds, data.opinion_shown, data.comment)
    reply = desk.Reply(place, data.label.strip(), note, data.new_label)

    def act(store: Store) -> Done:
        cost = desk.answer_item(store, task, who, reply, at=at)
        return Done(cost is not None, cost, desk.progress(store, task, who, at=at))

    return await keeper.write(act)


@post("/api/v1/tasks/{task:str}/label/pass", opt=access.LABEL, status_code=200)
async def cannot_tell(request: Asking, task: FromPath[str], data: JSONBody[CannotTell]) -> Done:
    """Note that the labeller cannot tell: another one is asked, or nobody."""
    keeper: Keeper = request.app.state.keeper
    who, at, place = labeller_of(request), now(), place_of(data.observation)

    def act(store: Store) -> Done:
        new = desk.pass_item(store, task, who, place, why=data.why, seconds=data.seconds, at=at)
        return Done(new, None, desk.progress(store, task, who, at=at))

    return await keeper.write(act)


@post("/api/v1/tasks/{task:str}/label/undo", opt=access.LABEL, status_code=200)
async def undo(request: Asking, task: FromPath[str], data: JSONBody[Undo]) -> TakenBack:
    """Take an answer back, while its turn has not frozen its labels.

    Asked for again, as after a lost connection, it changes nothing more.
    """
    keeper: Keeper = request.app.state.keeper
    who, at, place = labeller_of(request), now(), place_of(data.observation)

    def act(store: Store) -> TakenBack:
        label = desk.take_back(store, task, who, place, at=at) if said(store, place, who) else None
        return TakenBack(label, desk.progress(store, task, who, at=at))

    return await keeper.write(act)


@post("/api/v1/tasks/{task:str}/label/give-back", opt=access.LABEL, status_code=204)
async def give_back(request: Asking, task: FromPath[str], data: JSONBody[Given]) -> None:
    """Give items back unanswered, so that others get them at once."""
    keeper: Keeper = request.app.state.keeper
    who, places = labeller_of(request), [place_of(text) for text in data.observations]

    def act(store: Store) -> None:
        store.tasks.get(task)
        desk.give_back(store, who, places)

    await keeper.write(act)


@get("/api/v1/tasks/{task:str}/label/opinion", opt=access.LABEL)
async def opinion(
    request: Asking, task: FromPath[str], observation: FromQuery[str]
) -> Opinion | None:
    """Return what the model decided when the observation came; it sways who sees it."""
    keeper: Keeper = request.app.state.keeper
    place = place_of(observation)
    return await keeper.read(lambda store: opinion_of(store, desk.opinion(store, task, place)))


@get("/api/v1/tasks/{task:str}/label/progress", opt=access.LABEL)
async def progress(request: Asking, task: FromPath[str]) -> Progress:
    """Say how far the questions of the open turn are."""
    keeper: Keeper = request.app.state.keeper
    who, at = labeller_of(request), now()
    return await keeper.read(lambda store: desk.progress(store, task, who, at=at))


@get("/api/v1/tasks/{task:str}/label/bought", opt=access.READ)
async def what_labels_bought(request: Asking, task: FromPath[str]) -> Told:
    """Say what the task's labels have cost and bought so far."""
    keeper: Keeper = request.app.state.keeper
    return await keeper.read(lambda store: Told(told(bought(store, store.tasks.get(task)))))


@get("/api/v1/inputs/{digest:str}", opt=access.READ)
async def input_bytes(request: Asking, digest: FromPath[str]) -> Response[bytes]:
    """Return an input's bytes: an image as one, anything else as a download."""
    keeper: Keeper = request.app.state.keeper
    data = await keeper.read(lambda store: _bytes(store, digest))
    return Response(data, media_type=media_type(data), headers=KEEP)


@get("/api/v1/inputs/{digest:str}/picture", opt=access.READ)
async def input_picture(request: Asking, digest: FromPath[str]) -> Response[bytes]:
    """Return an image that every browser shows: TIFF and the like become PNG."""
    keeper: Keeper = request.app.state.keeper

    def act(store: Store) -> bytes:
        data = _bytes(store, digest)
        return data if media_type(data) in IMAGES.values() else as_png(data)

    data = await keeper.read(act)
    return Response(data, media_type=media_type(data), headers=KEEP)


def _bytes(store: Store, digest: str) -> bytes:
    if not store.observations.of_input(digest):  # models and bases are kept there too
        raise NotFoundException(f"no observation has the input {digest}")
    return store.inputs.get(digest)


def as_png(data: bytes) -> bytes:
    """Return an image as PNG.

    Raises:
        UserError: It is no image that can be read.
    """
    buffer = io.BytesIO()
    open_image(data).save(buffer, "PNG")
    return buffer.getvalue()


KEEP = {"Cache-Control": "private, max-age=3600"}
"""An input never changes; it may be forgotten, so it is not kept for long."""

IMAGES = {
    b"\xff\xd8": "image/jpeg",
    b"\x89PNG": "image/png",
    b"BM": "image/bmp",
    b"GIF8": "image/gif",
}


def media_type(data: bytes) -> str:
    """Return what a browser may show; whatever is no picture it only stores."""
    for magic, kind in IMAGES.items():
        if data.startswith(magic):
            return kind
    return "application/octet-stream"


ROUTES = [
    next_items,
    answer,
    cannot_tell,
    undo,
    give_back,
    opinion,
    progress,
    what_labels_bought,
    input_bytes,
    input_picture,
]
