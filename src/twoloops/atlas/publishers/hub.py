"""The Hugging Face Hub: what it counts of the article's models and of the families.

Two routes of its API are read, without an account: `/api/models/ACCOUNT/NAME` for one model and
`/api/models?author=ACCOUNT` for all models of an account, page by page.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import quote

import msgspec

from twoloops.atlas.hub import HubFamily, HubModel, article_models
from twoloops.atlas.publishers.port import (
    Answer,
    Fetched,
    Filled,
    Get,
    NotThereError,
    Pulled,
    SourceError,
)
from twoloops.atlas.tables import Source

MODELS = (
    *article_models(),
    "Qwen/Qwen2-VL-7B-Instruct",
    "deepseek-ai/DeepSeek-R1",
    "deepseek-ai/DeepSeek-V3",
    "deepseek-ai/DeepSeek-V3-Base",
    "moonshotai/Kimi-K2.5",
)
"""The article's ten models, and the other open ones it names (with the bases of two of them)."""

FAMILIES = (
    ("Qwen", "Qwen"),
    ("Llama", "meta-llama"),
    ("gpt-oss", "openai"),
    ("DeepSeek", "deepseek-ai"),
    ("Kimi", "moonshotai"),
)
"""The article's families of open models, and the account that publishes each."""

COUNTED = ("downloads", "downloadsAllTime", "childrenModelCount", "cardData", "baseModels")
PAGES = 20
"""Pages of 1,000 models that are read of an account at the most."""

NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')


class Card(msgspec.Struct):
    """The head of a model's card; any of it may be missing or of another type."""

    license: Any = None
    license_name: Any = None
    base_model: Any = None


class Listed(msgspec.Struct):
    """A model in a list."""

    id: str
    downloads: int


class Counted(msgspec.Struct, rename="camel"):
    """A model by itself."""

    id: str
    downloads: int
    downloads_all_time: int | None = None
    children_model_count: dict[str, int] | None = None
    card_data: Card | None = None


class Hub:
    """The Hub's public API.

    Args:
        address: Of the Hub, without a slash at its end.
        models: Accounts and names of the models to count.
        families: Beginning of the names, and account, of the families to add up.
    """

    name = "hugging-face"

    def __init__(
        self,
        address: str,
        models: Iterable[str] = MODELS,
        families: Iterable[tuple[str, str]] = FAMILIES,
    ) -> None:
        self.address = address.rstrip("/")
        self.models = tuple(models)
        self.families = tuple(families)

    def pull(self, get: Get, today: date) -> Pulled:
        """Ask for each model and family; see `Publisher.pull`.

        A model or account that is not there (any more) is told in a note; when more than half
        of the models are not, the answer is taken for broken.
        """
        source = Source(
            id=f"{self.name}-{today.isoformat()}",
            publisher="Hugging Face",
            title="Hugging Face Hub: downloads, derivatives and licences",
            url=self.address,
            published=today.isoformat(),
            # Counts of single models, cited with their source.
            licence="quoted",
            seen="file",
        )
        files: list[Fetched] = []
        missing: list[str] = []
        models = []
        for name in self.models:
            try:
                models.append(self._model(name, get, source.id, files))
            except NotThereError:
                missing.append(name)
        if 2 * len(missing) > len(self.models):
            raise SourceError(f"{len(missing)} of {len(self.models)} models are not there")
        families = []
        for family, account in self.families:
            try:
                families.append(self._family(family, account, get, source.id, files))
            except NotThereError:
                missing.append(f"the account {account}")
        notes = (f"not found there: {', '.join(missing)}",) if missing else ()
        tables = (Filled("hub_models", models, ""), Filled("hub_families", families, ""))
        return Pulled(source, tuple(files), tables, notes)

    def _model(self, name: str, get: Get, source: str, files: list[Fetched]) -> HubModel:
        expand = "&".join(f"expand[]={field}" for field in COUNTED)
        url = f"{self.address}/api/models/{quote(name)}?{expand}"
        answer = get(url, "json")
        row = read_model(answer.body, name, source)
        files.append(Fetched(f"{name.replace('/', '--')}.json", url, answer.body))
        return row

    def _family(
        self, family: str, account: str, get: Get, source: str, files: list[Fetched]
    ) -> HubFamily:
        first = f"{self.address}/api/models?author={quote(account)}&limit=1000&expand[]=downloads"
        url: str | None = first
        listed: dict[str, int] = {}
        for page in range(1, PAGES + 1):
            if url is None:
                break
            answer = get(url, "json")
            for one in read_list(answer.body, account):
                listed[one.id] = one.downloads
            files.append(Fetched(f"{account}-{page}.json", url, answer.body))
            url = self._next(answer)
        if url is not None:
            raise SourceError(f"{account} has more than {PAGES} pages of models")
        start = f"{account}/{family}".lower()
        counts = [count for name, count in listed.items() if name.lower().startswith(start)]
        return HubFamily(family, account, len(counts), sum(counts), source)

    def _next(self, answer: Answer) -> str | None:
        """Return the address of the next page, or `None` after the last."""
        found = NEXT.search(answer.headers.get("link", ""))
        if found is None:
            return None
        if not found[1].startswith(f"{self.address}/"):
            raise SourceError(f"the next page is said to be at {found[1]}, which is elsewhere")
        return found[1]


def read_model(body: bytes, name: str, source: str) -> HubModel:
    """Return the row of a model.

    Args:
        body: The JSON answer of its route.
        name: What was asked for; a renamed model answers under its new name.
        source: Id of the source.

    Raises:
        SourceError: It is not such an answer.
    """
    try:
        told = msgspec.json.decode(body, type=Counted)
    except msgspec.MsgspecError as error:
        raise SourceError(f"the answer on {name} is not a model with downloads: {error}") from None
    children = told.children_model_count
    card = told.card_data or Card()

    def kind(name: str) -> int | None:
        return None if children is None else children.get(name, 0)

    return HubModel(
        name,
        told.downloads,
        source,
        told.downloads_all_time,
        None if children is None else sum(children.values()),
        kind("finetune"),
        kind("adapter"),
        kind("merge"),
        kind("quantized"),
        _words(card.license_name if card.license == "other" else card.license),
        _words(card.base_model),
    )


def read_list(body: bytes, account: str) -> list[Listed]:
    """Return the models of one page.

    Raises:
        SourceError: It is not such a page.
    """
    try:
        return msgspec.json.decode(body, type=list[Listed])
    except msgspec.MsgspecError as error:
        raise SourceError(f"the list of {account} is not one of models: {error}") from None


def _words(stated: object) -> str:
    """Return what a card states, once or several times, as words."""
    if isinstance(stated, list):
        return " ".join(str(one) for one in stated)
    return "" if stated is None else str(stated)
