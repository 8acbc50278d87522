"""A server on loopback that speaks the Hub's endpoints, with repositories made by the tests."""

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

PAGE = 2
"""Models a page of the search, so that paging is always met."""


@dataclass
class Repo:
    """A repository: commits, the newest last, each a whole tree of files."""

    name: str
    trees: list[dict[str, bytes]]
    task: str = "sentence-similarity"
    tags: tuple[str, ...] = ("onnx", "license:apache-2.0")
    downloads: int = 10
    parameters: int = 1_000_000
    gated: bool = False
    private: bool = False

    def commits(self) -> list[str]:
        return [self.commit(index) for index in range(len(self.trees))]

    def commit(self, index: int = -1) -> str:
        place = index % len(self.trees)
        return hashlib.sha1(f"{self.name}/{place}".encode()).hexdigest()

    def tree(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commit(), self.trees[-1]
        commits = self.commits()
        if revision not in commits:
            return None
        return revision, self.trees[commits.index(revision)]


@dataclass
class Faults:
    """What goes wrong, and how often still."""

    busy: int = 0
    status: int = 429
    cut: dict[str, int] = field(default_factory=dict)
    """Path → after so many bytes the connection is broken, once."""
    served: dict[str, bytes] = field(default_factory=dict)
    """Path → what is sent instead of what the listing says."""
    seen: Counter[str] = field(default_factory=Counter)
    ranges: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, repos: list[Repo]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos = {one.name: one for one in repos}
        self.faults = Faults()
        self.large: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*repos: Repo) -> Iterator[HubServer]:
    server = HubServer(list(repos))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def is_large(path: str) -> bool:
    """Whether a file lies in large-file storage."""
    return path.endswith((".onnx", ".onnx_data", ".bin"))


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        self._write(urlsplit(self.path).path, self.rfile.read(size))

    def do_PUT(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        data = self.rfile.read(size)
        self.server.large[hashlib.sha256(data).hexdigest()] = data
        self._send(200, b"")

    def _write(self, path: str, body: bytes) -> None:
        """Make a repository, say how files go up, take them, commit them."""
        self.server.faults.seen[f"POST {path}"] += 1
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if not self.headers.get("Authorization"):
            return self._send(401, b'{"error":"Invalid username or password."}')
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            there = name in self.server.repos
            private = asked.get("visibility") == "private"
            if not there:
                self.server.repos[name] = Repo(name, [{".gitattributes": b""}], private=private)
            url = {"url": f"{self.server.url}/{name}", "name": name, "id": name}
            return self._json(url, status=409 if there else 200)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            names = [one["path"] for one in json.loads(body)["files"]]
            rows = [
                {
                    "path": name,
                    "uploadMode": "lfs" if is_large(name) else "regular",
                    "shouldIgnore": False,
                }
                for name in names
            ]
            return self._json({"files": rows})
        if re.fullmatch(r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", path):
            rows = [
                {**one, "actions": {"upload": {"href": f"{self.server.url}/up/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self._json({"transfer": "basic", "objects": rows})
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            return self._commit(self.server.repos[match[1]], body)
        return self._send(404, b"{}")

    def _commit(self, repo: Repo, body: bytes) -> None:
        tree = dict(repo.trees[-1])
        for line in body.splitlines():
            row = json.loads(line)
            value = row["value"]
            if row["key"] == "file":
                tree[value["path"]] = base64.b64decode(value["content"])
            elif row["key"] == "lfsFile":
                tree[value["path"]] = self.server.large[value["oid"]]
            elif row["key"] == "deletedFile":
                tree.pop(value["path"], None)
        repo.trees.append(tree)
        url = f"{self.server.url}/{repo.name}/commit/{repo.commit()}"
        self._json({"commitUrl": url, "commitOid": repo.commit(), "success": True})

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        url = urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        faults = self.server.faults
        faults.seen[f"{self.command} {path}"] += 1
        if token := self.headers.get("Authorization"):
            faults.tokens.append(token)
        if faults.busy > 0:
            faults.busy -= 1
            return self._send(faults.status, b'{"error":"busy"}', {"Retry-After": "0"})
        if path == "/api/models":
            return self._search(query)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/main", path):
            rows = [
                {"type": "file", "path": name, "size": len(data), "oid": blob_id(data)}
                for name, data in self.server.repos[match[1]].trees[-1].items()
            ]
            return self._json(rows)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            return self._info(match[1], match[2] or "main", blobs="blobs" in query)
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(match[1], match[2], match[3], body=body)
        if match := re.fullmatch(r"/lfs/([0-9a-f]{64})/(.+)", path):
            return self._large(match[1], match[2], body=body)
        return self._send(404, b"{}")

    def _search(self, query: dict[str, list[str]]) -> None:
        def one(key: str, otherwise: str = "") -> str:
            return query.get(key, [otherwise])[0]

        found = [repo for repo in self.server.repos.values() if not repo.private]
        found = [repo for repo in found if one("search").lower() in repo.name.lower()]
        wanted = {tag for value in query.get("filter", []) for tag in value.split(",")}
        task = one("pipeline_tag")
        found = [repo for repo in found if wanted <= set(repo.tags)]
        found = [repo for repo in found if task in ("", repo.task)]
        if match := re.search(r"max:(\d+)", one("num_parameters")):
            found = [repo for repo in found if repo.parameters <= int(match[1])]
        found.sort(key=lambda repo: -repo.downloads)
        start = int(one("cursor", "0"))
        page = found[start : start + PAGE]
        headers = {}
        if start + PAGE < len(found):
            pairs = [(key, value) for key, values in query.items() for value in values]
            pairs = [pair for pair in pairs if pair[0] != "cursor"]
            following = urlencode([*pairs, ("cursor", str(start + PAGE))])
            headers["Link"] = f'<{self.server.url}/api/models?{following}>; rel="next"'
        self._json([self._row(repo) for repo in page], headers)

    def _row(self, repo: Repo) -> dict[str, object]:
        return {
            "id": repo.name,
            "modelId": repo.name,
            "sha": repo.commit(),
            "tags": list(repo.tags),
            "pipeline_tag": repo.task,
            "downloads": repo.downloads,
            "downloadsAllTime": 3 * repo.downloads,
            "childrenModelCount": 2,
            "gated": "manual" if repo.gated else False,
            "lastModified": "2026-05-04T10:00:00.000Z",
            "safetensors": {"parameters": {"F32": repo.parameters}, "total": repo.parameters},
        }

    def _repo(self, name: str) -> Repo | None:
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self.headers.get("Authorization")):
            self._send(401, b'{"error":"no"}', {"X-Error-Code": "RepoNotFound"})
            return None
        return repo

    def _info(self, name: str, revision: str, *, blobs: bool) -> None:
        if (repo := self._repo(name)) is None:
            return
        if (tree := repo.tree(revision)) is None:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        commit, files = tree
        siblings: list[dict[str, object]] = [{"rfilename": path} for path in files]
        if blobs:
            for row, (path, data) in zip(siblings, files.items(), strict=True):
                row |= {"size": len(data), "blobId": blob_id(data)}
                if is_large(path):
                    sha = hashlib.sha256(data).hexdigest()
                    row["lfs"] = {"sha256": sha, "size": len(data), "pointerSize": 134}
        self._json({**self._row(repo), "sha": commit, "siblings": siblings})

    def _resolve(self, name: str, revision: str, path: str, *, body: bool) -> None:
        if (repo := self._repo(name)) is None:
            return None
        if repo.gated and not self.headers.get("Authorization"):
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        if (tree := repo.tree(revision)) is None:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        commit, files = tree
        if path not in files:
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        data = files[path]
        headers = {"X-Repo-Commit": commit}
        if not is_large(path):
            headers["ETag"] = f'"{blob_id(data)}"'
            return self._bytes(path, data, headers, body=body)
        sha = hashlib.sha256(data).hexdigest()
        headers |= {
            # Another host, as the Hub's storage is; there nothing is said of commits.
            "Location": f"{self.server.url.replace('127.0.0.1', 'localhost')}/lfs/{sha}/{path}",
            "X-Linked-Size": str(len(data)),
            "X-Linked-Etag": f'"{sha}"',
        }
        return self._send(302, b"", headers)

    def _large(self, sha: str, path: str, *, body: bool) -> None:
        for repo in self.server.repos.values():
            for tree in repo.trees:
                data = tree.get(path, b"")
                if hashlib.sha256(data).hexdigest() == sha:
                    return self._bytes(path, data, {"ETag": f'"{sha}"'}, body=body)
        return self._send(404, b"{}")

    def _bytes(self, path: str, data: bytes, headers: dict[str, str], *, body: bool) -> None:
        faults = self.server.faults
        data = faults.served.get(path, data)
        status, start = 200, 0
        if body and (match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))):
            start = int(match[1])
            faults.ranges.append(f"{path} from {start}")
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        headers["Accept-Ranges"] = "bytes"
        rest = data[start:]
        if body and path in faults.cut:
            self._cut(status, rest, headers, faults.cut.pop(path))
            return
        self._send(status, rest, headers, body=body)

    def _cut(self, status: int, data: bytes, headers: dict[str, str], after: int) -> None:
        """Promise all of it, send some, and hang up."""
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data[:after])
        self.wfile.flush()
        self.close_connection = True

    def _json(
        self, content: object, headers: dict[str, str] | None = None, status: int = 200
    ) -> None:
        data = json.dumps(content).encode()
        self._send(status, data, {"Content-Type": "application/json", **(headers or {})})

    def _send(
        self, status: int, data: bytes, headers: dict[str, str] | None = None, *, body: bool = True
    ) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(data)
