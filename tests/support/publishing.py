"""A local server that speaks each publisher's format, whole and in every broken way."""

import csv
import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

EPOCH_COLUMNS = (
    "Model",
    "Organization",
    "Publication date",
    "Domain",
    "Parameters",
    "Training compute (FLOP)",
    "Abstract",
    "Country (of organization)",
    "Model accessibility",
    "Open model weights?",
)
REAL = (
    ("Qwen3-Max", "Alibaba", "2025-09-24", "China", "API access"),
    ("Grok 4", "xAI", "2025-07-09", "United States of America", "API access"),
    ("DeepSeek-R1", "DeepSeek", "2025-01-20", "China", "Open weights (unrestricted)"),
    (
        "gpt-oss-120b",
        "OpenAI",
        "2025-08-05",
        "United States of America",
        "Open weights (unrestricted)",
    ),
    (
        "Llama 3.1-405B",
        "Meta AI",
        "2024-07-23",
        "United States of America",
        "Open weights (restricted use)",
    ),
    (
        "Joint model",
        "Tsinghua University,Stanford University",
        "2024-03-01",
        "China,United States of America",
        "Open weights (non-commercial)",
    ),
)
OPEN_EVERY = 4


@cache
def epoch_csv(models: int) -> bytes:
    """Epoch AI's columns, some real models and many made ones; abstracts hold commas and lines."""
    out = io.StringIO()
    writer = csv.DictWriter(out, EPOCH_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    rows = list(REAL)
    for number in range(models - len(REAL)):
        open_ = number % OPEN_EVERY == 0
        country = "China" if number % 8 == 0 else "United States of America"
        rows.append(
            (
                f"Model {number}",
                "A lab, a university" if number % 9 == 0 else "A lab",
                f"20{10 + number % 16:02}-0{1 + number % 9}-1{number % 10}",
                country,
                "Open weights (unrestricted)" if open_ else "",
            )
        )
    for name, lab, day, country, access in rows:
        writer.writerow(
            {
                "Model": name,
                "Organization": lab,
                "Publication date": day,
                "Domain": "Language",
                "Abstract": f'We present "{name}",\na model.',
                "Country (of organization)": country,
                "Model accessibility": access,
            }
        )
    return out.getvalue().encode()


def price_snapshot(gpt: float = 1.75, models: int = 600) -> bytes:
    """A snapshot of model-prices: real names and prices of some, made ones for the rest."""

    def steps(*prices: tuple[str, float, float]) -> dict[str, object]:
        return {
            "standard": [
                {
                    "start": None if number == 0 else f"{day}T00:00:00Z",
                    "rates": {
                        "input": first,
                        "output": second,
                        "source": "https://github.com/sst/models.dev/commit/62a8a3ea3976",
                        "valid_from": f"{day}T00:00:00Z",
                        "valid_from_basis": "models.dev commit",
                    },
                }
                for number, (day, first, second) in enumerate(prices)
            ]
        }

    prices = {
        "openai": {"gpt-5.2": steps(("2025-12-11", gpt, 14.0))},
        "moonshotai": {"kimi-k2.5": steps(("2026-01-27", 0.6, 3.0))},
        "deepseek": {
            "deepseek-chat": steps(("2025-06-10", 0.27, 1.1), ("2025-09-05", 0.28, 0.42)),
            "withdrawn": {"standard": [{"start": None, "rates": None}]},
        },
        "made": {f"model-{n}": steps(("2026-01-01", 1.0, 2.0 + n)) for n in range(models)},
    }
    data = {"schema": 1, "updated_at": "2026-11-20T10:00:00Z", "prices": prices, "aliases": {}}
    return json.dumps(data).encode()


def genai_prices(models: int = 520) -> bytes:
    """The list of providers of genai-prices, with tiers, dated prices and hours of the day."""
    rest = [
        {"id": f"m-{n}", "match": {"equals": f"m-{n}"}, "prices": {"input_mtok": 1}}
        for n in range(models)
    ]
    made = [
        {"id": f"made-{n}", "prices": {"input_mtok": 1, "output_mtok": 2 + n}} for n in range(200)
    ]
    hours = {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}
    data = [
        {
            "id": "openai",
            "name": "OpenAI",
            "models": [
                {"id": "gpt-5.2", "prices": {"input_mtok": 1.75, "output_mtok": 14}},
                {
                    "id": "tiered",
                    "prices": {
                        "input_mtok": {"base": 0.2, "tiers": [{"start": 128000, "price": 0.4}]},
                        "output_mtok": {"base": 0.5, "tiers": []},
                    },
                },
                {
                    "id": "dated",
                    "prices": [
                        {"prices": {"input_mtok": 2, "output_mtok": 10}},
                        {
                            "constraint": {"start_date": "2026-09-01"},
                            "prices": {"input_mtok": 3, "output_mtok": 15},
                        },
                    ],
                },
            ],
        },
        {
            "id": "deepseek",
            "name": "DeepSeek",
            "models": [
                {
                    "id": "deepseek-chat",
                    "prices": [
                        {"prices": {"input_mtok": 0.27, "output_mtok": 1.1}},
                        {
                            "constraint": hours,
                            "prices": {"input_mtok": 0.135, "output_mtok": 0.55},
                        },
                    ],
                }
            ],
        },
        {"id": "mistral", "name": "Mistral", "models": made},
        {"id": "reseller", "name": "Reseller", "models": rest},
    ]
    return json.dumps(data).encode()


def api_json(offers: int = 1100) -> bytes:
    """The providers of models.dev, some prices of makers and many of a reseller."""

    def offer(name: str, cost: dict[str, float] | None, open_: bool) -> dict[str, object]:
        made = {"id": name, "name": name, "open_weights": open_, "release_date": "2025-12-11"}
        return made | ({"cost": cost} if cost else {})

    data = {
        "openai": {
            "id": "openai",
            "name": "OpenAI",
            "models": {
                "gpt-5.2": offer("gpt-5.2", {"input": 1.75, "output": 14}, False),
                "free-preview": offer("free-preview", {"input": 0, "output": 0}, False),
            },
        },
        "moonshotai": {
            "id": "moonshotai",
            "name": "Moonshot AI",
            "models": {"kimi-k2.5": offer("kimi-k2.5", {"input": 0.6, "output": 3}, True)},
        },
        "mistral": {
            "id": "mistral",
            "name": "Mistral",
            "models": {
                f"made-{n}": offer(f"made-{n}", {"input": 1, "output": 2 + n}, True)
                for n in range(200)
            },
        },
        "reseller": {
            "id": "reseller",
            "name": "Reseller",
            "models": {f"r-{n}": offer(f"r-{n}", None, True) for n in range(offers)},
        },
    }
    return json.dumps(data).encode()


def models_json() -> bytes:
    """The models of models.dev whoever offers them: two labs as they are, twenty made ones."""
    data = {f"alibaba/qwen-{n}": {"name": "Qwen", "open_weights": n % 2 == 0} for n in range(60)}
    data |= {f"openai/gpt-{n}": {"name": "GPT", "open_weights": n < 3} for n in range(60)}
    data |= {f"lab-{n}/model": {"name": "Model", "open_weights": True} for n in range(20)}
    return json.dumps(data).encode()


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Args:
        body: The bytes.
        status: Of the answer.
        headers: More of them.
        cut: Send so many bytes, although all of them are announced.
        stall: Seconds of silence before the body's second half.
        drip: Seconds between single bytes.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0.0
    drip: float = 0.0


@dataclass
class Publishing:
    """The server: answers by path; `asked` are the paths asked for, in order."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    on_ask: Callable[[str], None] = lambda path: None
    downloads: int = 1000

    def endpoints(self) -> dict[str, str]:
        """Where each publisher is, by its short name."""
        return {
            "epoch-all": f"{self.url}/data/all_ai_models.csv",
            "epoch-notable": f"{self.url}/data/notable_ai_models.csv",
            "epoch-large": f"{self.url}/data/large_scale_ai_models.csv",
            "hugging-face": f"{self.url}/hub",
            "model-prices": f"{self.url}/model-prices/v1/",
            "genai-prices": f"{self.url}/genai/data.json",
            "models-dev": f"{self.url}/models-dev/",
        }

    def options(self) -> list[str]:
        """The same, as options of the command line."""
        return [f"--endpoint={name}={url}" for name, url in self.endpoints().items()]

    def publish(self, snapshot: bytes | None = None) -> None:
        """Put each publisher's data where it belongs."""
        snapshot = snapshot or price_snapshot()
        digest = hashlib.sha256(snapshot).hexdigest()
        latest = {"sha256": digest, "published_at": "2026-11-20T10:00:00Z"}
        modified = {"Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT", "Content-Type": "text/csv"}
        self.replies |= {
            "/data/all_ai_models.csv": Reply(epoch_csv(1600), headers=modified),
            "/data/notable_ai_models.csv": Reply(epoch_csv(600), headers=modified),
            "/data/large_scale_ai_models.csv": Reply(epoch_csv(300), headers=modified),
            "/model-prices/v1/latest.json": Reply(json.dumps(latest).encode()),
            f"/model-prices/v1/{digest}.json": Reply(snapshot),
            "/genai/data.json": Reply(genai_prices()),
            "/models-dev/api.json": Reply(api_json()),
            "/models-dev/models.json": Reply(models_json()),
        }

    def change(self, path: str, **said: object) -> None:
        """Change an answer."""
        self.replies[path] = replace(self.replies.get(path, Reply()), **said)  # type: ignore[arg-type]

    def hub(self, path: str, query: dict[str, list[str]]) -> Reply:
        """What the Hub answers on a model, or on an account's models in two pages."""
        if path == "/hub/api/models":
            account = query["author"][0]
            second = query.get("cursor") == ["2"]
            names = [f"{account}/Qwen3-{n}B" for n in range(3)] + [f"{account}/Other"]
            body = [{"_id": "x", "id": one, "downloads": 100} for one in names]
            if second:
                body = [{"_id": "y", "id": f"{account}/qwen-last", "downloads": 7}]
            after = f"{self.url}/hub/api/models?author={account}&limit=1000&cursor=2"
            headers = {} if second else {"Link": f'<{after}>; rel="next"'}
            return Reply(json.dumps(body).encode(), headers=headers)
        name = unquote(path.removeprefix("/hub/api/models/"))
        body = {
            "_id": "z",
            "id": name,
            "downloads": self.downloads,
            "downloadsAllTime": 50 * self.downloads,
            "childrenModelCount": {"finetune": 30, "adapter": 20, "merge": 2, "quantized": 40},
            "cardData": {"license": "apache-2.0", "base_model": ["Qwen/Qwen2.5-3B"]},
        }
        if name == "meta-llama/Llama-3.1-8B-Instruct":
            body["cardData"] = {"license": "other", "license_name": "llama3.1"}
        return Reply(json.dumps(body).encode())


def handler_of(publishing: Publishing) -> type[BaseHTTPRequestHandler]:
    """The server's handler."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            publishing.asked.append(parts.path)
            publishing.on_ask(parts.path)
            reply = publishing.replies.get(parts.path)
            if reply is None and parts.path.startswith("/hub/"):
                reply = publishing.hub(parts.path, parse_qs(parts.query))
            reply = reply or Reply(b"not here", 404)
            try:
                self.send(reply)
            except OSError:  # the client has had enough
                self.close_connection = True

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(reply.body))} | reply.headers
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            body = reply.body if reply.cut is None else reply.body[: reply.cut]
            if reply.drip:
                for place in range(len(body)):
                    self.wfile.write(body[place : place + 1])
                    self.wfile.flush()
                    time.sleep(reply.drip)
            else:
                half = len(body) // 2
                self.wfile.write(body[:half])
                self.wfile.flush()
                time.sleep(reply.stall)
                self.wfile.write(body[half:])
            if reply.cut is not None or not headers["Content-Length"]:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving() -> Iterator[Publishing]:
    """Run the server on a free port of this machine, with everything published."""
    publishing = Publishing()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(publishing))
    # Clients that have had enough hang up: that is what is tested, and no error of the server's.
    server.handle_error = lambda request, address: None
    server.daemon_threads = True
    publishing.url = f"http://127.0.0.1:{server.server_address[1]}"
    publishing.publish()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield publishing
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
