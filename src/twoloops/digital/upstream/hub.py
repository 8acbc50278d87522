"""The Hugging Face Hub, or a server that speaks as it does: search, newest revision, pull.

`HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` and the timeouts are huggingface_hub's own. Only files
an encoder needs are fetched, never pickles and never code. A file that differs from the digest the
Hub states for the pinned commit is thrown away.
"""

import dataclasses
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from twoloops.digital.upstream import hub_files, kept
from twoloops.digital.upstream.port import UNKNOWN, Found, GoneError, Pull, Pulled, Query, Use
from twoloops.records.errors import TransientError, UserError
from twoloops.records.task import Kind

PREFIX = "hub:"
TAGS: dict[Kind, tuple[str, ...]] = {
    "text": ("sentence-similarity", "feature-extraction"),
    "image": ("image-feature-extraction", "image-classification"),
    "signal": ("time-series-forecasting",),
}
"""The Hub's tasks under which encoders of a kind are listed."""
Shown = Literal["downloads", "gated", "lastModified", "pipeline_tag", "safetensors", "sha", "tags"]
"""What is asked for of each repository that is found."""
BUSY = (408, 429, 500, 502, 503, 504)
MOST = 1_000


class Hub:
    """Hugging Face's Hub.

    Args:
        cache: Folder for what is pulled.
        endpoint: Address; `None` for `HF_ENDPOINT` or the public one.
        progress: Told in a sentence what is fetched.
    """

    def __init__(
        self,
        cache: Path,
        endpoint: str | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        import huggingface_hub
        from huggingface_hub import utils

        if not sys.stderr.isatty():
            utils.disable_progress_bars()  # type: ignore[attr-defined]
        self._download = huggingface_hub.hf_hub_download
        self._api = huggingface_hub.HfApi(endpoint=endpoint)
        self._endpoint = endpoint
        self._folder = cache / "hub"
        self._tell = progress or (lambda _: None)

    def search(self, query: Query) -> list[Found]:
        """Return repositories that carry ONNX files, the most downloaded first."""
        if not 1 <= query.limit <= MOST:
            raise UserError(f"a search gives 1 to {MOST:,} answers, got {query.limit:,}")
        filters = ["onnx", *([f"license:{query.licence.lower()}"] if query.licence else [])]
        # The Hub reads whole numbers and K, M, B behind them.
        size = f"max:{query.max_parameters}" if query.max_parameters else None
        found: dict[str, Found] = {}
        with _told("the search"):
            for tag in TAGS[query.kind] if query.kind else (None,):
                models = self._api.list_models(
                    search=query.words or None,
                    filter=filters,
                    pipeline_tag=tag,
                    num_parameters=size,
                    sort="downloads",
                    limit=query.limit,
                    expand=list(get_args(Shown)),
                )
                found.update({one.id: _found(one) for one in models})
        ordered = sorted(found.values(), key=lambda one: (-(one.downloads or 0), one.source))
        return ordered[: query.limit]

    def newest(self, name: str) -> str:
        """Return the commit at the head of a repository's main branch."""
        with _told(name):
            return str(self._api.model_info(_repo(name), expand=["sha"]).sha)

    def pull(self, name: str, revision: str | None = None, file: str | None = None) -> Pull:
        """Bring the files an encoder needs, at one commit; what is whole here is not fetched again.

        Args:
            name: `owner/name`.
            revision: Commit, branch or tag; `None` for the newest.
            file: The ONNX file, where there are several.

        Raises:
            UserError: There is no such repository, revision or file, it is gated, or a file is not
                what the Hub states of it.
            TransientError: The Hub does not answer for now; run again and it goes on.
        """
        repo = _repo(name)
        place = self._folder / repo.replace("/", "--")
        pull = self._here(place, revision)
        if pull is None or not (file is None or file in {one.path for one in pull.said.files}):
            pull = self._pulled(
                repo, revision, place, lambda there: hub_files.choose(there, file, repo)
            )
        return dataclasses.replace(pull, file=file)

    def pull_whole(self, name: str, revision: str | None = None) -> Pull:
        """Bring every file of a published folder, at one commit; raises as `pull` does."""
        repo = _repo(name)
        place = self._folder.with_name("published") / repo.replace("/", "--")
        return self._here(place, revision) or self._pulled(repo, revision, place, hub_files.whole)

    def use(self, name: str) -> Use:
        """Return what the Hub counts of a repository; raises as `newest` does."""
        with _told(name):
            info = self._api.model_info(
                _repo(name), expand=["sha", "downloads", "downloadsAllTime", "childrenModelCount"]
            )
        return Use(
            revision=str(info.sha),
            downloads=info.downloads,
            downloads_ever=info.downloads_all_time,
            derivatives=_count(getattr(info, "children_model_count", None)),
        )

    def publish(self, folder: Path, name: str, message: str, *, private: bool) -> str:
        """Make a folder the content of a repository, in one commit; return the commit.

        The repository is made when it is not there. Publishing the same files twice makes one
        commit.

        Args:
            folder: What is published, whole.
            name: `owner/name`.
            message: Of the commit.
            private: Whether a repository that is made is private; one that is there stays as it is.

        Raises:
            UserError: The token may not write there, or there is none.
            TransientError: The Hub does not answer for now.
        """
        repo = _repo(name)
        with _told(repo), warnings.catch_warnings():
            # huggingface_hub sends large files in a way that its HTTP client wants otherwise.
            warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)
            self._api.create_repo(repo, private=private, exist_ok=True)
            done = self._api.upload_folder(
                repo_id=repo, folder_path=folder, commit_message=message, delete_patterns=["*"]
            )
        return str(done.oid)

    def _here(self, place: Path, revision: str | None) -> Pull | None:
        folder = kept.at(place, revision) if revision else None
        return Pull(folder, kept.read(folder)) if folder else None

    def _pulled(
        self,
        repo: str,
        revision: str | None,
        place: Path,
        choose: Callable[[Sequence[Any]], list[hub_files.Wanted]],
    ) -> Pull:
        with _told(f"{repo}@{revision}" if revision else repo, kept.revisions(place)):
            info = self._api.model_info(repo, revision=revision, files_metadata=True)
        commit = str(info.sha)
        folder = place / commit
        wanted = choose(info.siblings or [])
        before = kept.read(folder) if kept.is_whole(folder) else None
        if before is not None:
            kept.unchanged(before, wanted, f"{PREFIX}{repo}@{commit}", folder)
        held = {one.path for one in before.files} if before else set()
        missing = [one for one in wanted if one.path not in held]
        self._fetch(repo, commit, missing, folder)
        said = Pulled(
            source=f"{PREFIX}{repo}@{commit}",
            name=repo,
            publisher=repo.partition("/")[0],
            revision=commit,
            files=kept.merged(before, [hub_files.pulled(folder, one) for one in missing]),
            licence=_tags(info).get("license", UNKNOWN),
        )
        kept.write(folder, said)
        return Pull(folder, said)

    def _fetch(self, repo: str, commit: str, files: list[hub_files.Wanted], folder: Path) -> None:
        if not files:
            return
        size = sum(one.size or 0 for one in files)
        self._tell(f"fetching {repo} at {commit[:8]} ({size / 1e6:,.1f} MB), once")
        for one in files:
            with _told(f"{one.path} of {repo}"):
                self._download(
                    repo, one.path, revision=commit, local_dir=folder, endpoint=self._endpoint
                )
            hub_files.check(folder / one.path, one, repo)
        # What huggingface_hub notes for itself beside a download has times in it.
        shutil.rmtree(folder / ".cache", ignore_errors=True)


def _repo(name: str) -> str:
    repo = name.removeprefix(PREFIX)
    from huggingface_hub import utils
    from huggingface_hub.errors import HFValidationError

    try:
        utils.validate_repo_id(repo)  # type: ignore[attr-defined]
    except HFValidationError as error:
        raise UserError(f"{repo!r} names no repository ({error}): give  hub:owner/name") from error
    return repo


def _tags(info: Any) -> dict[str, str]:
    """Return the tags that have a key, as `license:mit`; the first of a key holds."""
    found: dict[str, str] = {}
    for tag in info.tags or ():
        key, colon, value = str(tag).partition(":")
        if colon:
            found.setdefault(key, value)
    return found


def _count(said: Any) -> int | None:
    """Return how many models name this one as theirs: a number, or one for each relation."""
    if isinstance(said, dict):
        said = sum(one for one in said.values() if isinstance(one, int))
    return said if isinstance(said, int) else None


def _found(info: Any) -> Found:
    kinds = [kind for kind, tags in TAGS.items() if info.pipeline_tag in tags]
    weights = getattr(info, "safetensors", None)
    changed = getattr(info, "last_modified", None)
    return Found(
        source=f"{PREFIX}{info.id}",
        kind=kinds[0] if kinds else None,
        licence=_tags(info).get("license", UNKNOWN),
        publisher=info.id.partition("/")[0] if "/" in info.id else UNKNOWN,
        revision=info.sha or UNKNOWN,
        parameters=weights.total if weights else None,
        downloads=info.downloads,
        updated=changed.date().isoformat() if changed else None,
        gated=bool(info.gated),
    )


@contextmanager
def _told(what: str, here: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn huggingface_hub's errors into ours: what happened, and what to do.

    Args:
        what: What was asked for.
        here: Revisions that were pulled before and need no network.
    """
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except RuntimeError as error:
        # An upload's failure comes wrapped.
        if not isinstance(error.__cause__, (errors.HfHubHTTPError, httpx2.HTTPError, OSError)):
            raise
        raise _said(error.__cause__, what) from error
    # Broken transfers come as an OSError of huggingface_hub's own; so does a full disk.
    except (errors.HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        told = _said(error, what)
        if here:
            kept_here = " or ".join(here)
            told = type(told)(f"{told}; pulled before, usable as it is: --revision {kept_here}")
        raise told from error


def _said(error: BaseException, what: str) -> UserError | TransientError:
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        # The file is not here, and this is why it could not be fetched.
        return _said(error.__cause__, what)
    for kind, words in {
        errors.OfflineModeIsEnabled: "offline mode is on (HF_HUB_OFFLINE): unset it where there is "
        "a network, or give a folder",
        errors.GatedRepoError: "its publisher asks for an agreement first: accept it on the Hub's "
        "page, then set HF_TOKEN to a token of yours and run again",
        errors.RevisionNotFoundError: "no such revision: give a commit, a branch or a tag",
        errors.RepositoryNotFoundError: "no such repository, or a private one: look with  "
        "twoloops base search WORDS , or set HF_TOKEN",
        errors.EntryNotFoundError: "no such file at that revision",
        errors.FileMetadataError: f"the server does not speak as the Hub does: {_first(error)}",
    }.items():
        if isinstance(error, kind):
            gone = (errors.RepositoryNotFoundError, errors.RevisionNotFoundError)
            # A gated repository is there, though its error is a kind of "not found".
            absent = issubclass(kind, gone) and kind is not errors.GatedRepoError
            return (GoneError if absent else UserError)(f"{what}: {words}")
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            return UserError(
                f"{what}: the Hub refuses it ({status}): set HF_TOKEN to a token that may read it"
            )
        if status in BUSY:
            return TransientError(f"{what}: the Hub says {status}")
        return UserError(f"{what}: the Hub says {status or 'no'}: {_first(error)}")
    return TransientError(
        f"{what}: it did not come through ({_first(error)}); another server is named by "
        "HF_ENDPOINT, and a folder needs none"
    )


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
