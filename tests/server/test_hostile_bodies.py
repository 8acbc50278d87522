"""What no input may be: too large, another type than it says, a bomb, a lying header, NaN."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from litestar.testing import TestClient
from PIL import Image
from serving_workspace import Served, client_of, make_workspace

from twoloops.server import bodies
from twoloops.server.app import Options
from twoloops.store.workspace import Store

MiB = 1 << 20


def npy(array: np.ndarray, **more: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **more)
    return buffer.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """A `.npy` file with a header of one's own."""
    raw = text.encode()
    raw += b" " * (-(len(raw) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + data


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says it is far larger."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def small(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, kind)
    return buffer.getvalue()


GOOD = npy(np.zeros((2, 16), np.float32))
NPY = "application/x-npy"
F4 = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"

CASES = {
    # task, content type, body, status, words of the reason
    "another type than the task's": ("orders", "image/png", b"oil", 415, "takes text/plain"),
    "no type": ("orders", "", b"oil", 415, "of no named type"),
    "a charset that is not UTF-8": ("orders", "text/plain; charset=utf-16", b"oil", 415, "utf-16"),
    "an image called text": ("orders", "text/plain", small("PNG"), 415, "image/png"),
    "an array called text": ("orders", "text/plain", GOOD, 415, "application/x-npy"),
    "a text called image": ("cells", "image/png", b"oil leak", 415, "declared as image/png"),
    "a JPEG called PNG": ("cells", "image/png", small("JPEG"), 415, "are image/jpeg"),
    "a TIFF called PNG": ("cells", "image/png", small("TIFF"), 415, "none of"),
    "a text called array": ("pump", NPY, b"oil leak", 415, "declared as application/x-npy"),
    "an empty text": ("orders", "text/plain", b"", 422, "empty"),
    "white space": ("orders", "text/plain", b" \n ", 422, "empty"),
    "a text that is not UTF-8": ("orders", "text/plain", b"oil \xff\xfe", 422, "not UTF-8"),
    "half a surrogate": ("orders", "text/plain", b"\xed\xa0\x80", 422, "not UTF-8"),
    "a text of 65 kB": ("orders", "text/plain", b"a" * (64 * 1024 + 1), 413, "65,536 bytes"),
    "a signal of 17 MB": ("pump", NPY, b"\x93NUMPY" + bytes(16 * MiB), 413, "16,777,216"),
    "an image of 33 MB": ("cells", "image/png", b"\x89PNG" + bytes(32 * MiB), 413, "33,554,432"),
    "a picture of 40,000²": ("cells", "image/png", png_of(40_000, 40_000), 422, "million are read"),
    "a picture just over": ("cells", "image/png", png_of(10_001, 5_000), 422, "million are read"),
    "a picture cut short": ("cells", "image/png", small("PNG")[:-30], 422, "damaged"),
    "a picture of bytes": ("cells", "image/jpeg", b"\xff\xd8\xff" + bytes(99), 422, "no image"),
    "objects": ("pump", NPY, npy(np.array([{}], object), allow_pickle=True), 422, "float32"),
    "float64": ("pump", NPY, npy(np.zeros((2, 16))), 422, "float32"),
    "another shape": ("pump", NPY, npy(np.zeros((2, 17), np.float32)), 422, "(2, 16)"),
    "NaN": ("pump", NPY, npy(np.full((2, 16), np.nan, np.float32)), 422, "NaN or infinite"),
    "infinity": ("pump", NPY, npy(np.full((2, 16), np.inf, np.float32)), 422, "NaN or infinite"),
    "a shape of terabytes": ("pump", NPY, header(F4 % "(1000000, 1000000)", GOOD), 422, "reshape"),
    "a shape below zero": ("pump", NPY, header(F4 % "(-2, -16)", bytes(128)), 422, "signal"),
    "code for a header": ("pump", NPY, header("__import__('os').system('true')"), 422, ".npy"),
    "a deep header": ("pump", NPY, header("(" * 5000 + ")" * 5000), 422, ".npy"),
    "no header": ("pump", NPY, b"\x93NUMPY\x01\x00\xff\xff", 422, ".npy"),
    "an unknown version": ("pump", NPY, b"\x93NUMPY\x09\x00" + GOOD[8:], 422, ".npy"),
    "a magic alone": ("pump", NPY, b"\x93NUMPY", 422, ".npy"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return make_workspace(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[TestClient]:
    with client_of(served.folder, Options(rate=0)) as client:
        yield client


def counted(served: Served, task: str) -> tuple[int, int]:
    """Observations kept of a task, and inputs in quarantine."""
    with Store.open(served.folder) as store:
        return store.observations.count(task), len(store.quarantine.all("token:edge"))


def send(client: TestClient, served: Served, task: str, kind: str, body, **more: str):
    headers = served.bearer("edge") | ({"Content-Type": kind} if kind else {}) | more
    return client.post(f"/api/v1/tasks/{task}/observations", content=body, headers=headers)


@pytest.mark.parametrize("case", CASES)
def test_an_input_is_refused_with_its_reason(client: TestClient, served: Served, case: str) -> None:
    task, kind, body, status, words = CASES[case]
    kept, bad = counted(served, task)
    answer = send(client, served, task, kind, body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    # What was refused at the door is not noted; what could not be decoded is counted.
    assert counted(served, task) == (kept, bad + (status == 422))


@pytest.mark.parametrize(
    ("task", "kind", "body"),
    [
        ("orders", "text/plain", "Öl läuft aus".encode()),
        ("orders", "text/plain; charset=UTF-8", b"BMW leaks oil"),
        ("pump", NPY, GOOD),
        ("cells", "image/png", small("PNG")),
        ("cells", "image/jpeg", small("JPEG")),
        ("cells", "image/bmp", small("BMP")),
    ],
)
def test_a_good_input_is_kept(
    client: TestClient, served: Served, task: str, kind: str, body: bytes
) -> None:
    answer = send(client, served, task, kind, body)
    assert answer.status_code == 200, answer.text
    place = answer.json()["place"]
    with Store.open(served.folder) as store:
        (one,) = [one for one in store.observations.of_task(task) if str(one.place) == place]
        assert store.inputs.get(one.input) == body


def test_a_body_without_a_length_is_cut_at_the_limit(client: TestClient, served: Served) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while taken < 100 * MiB:
            taken += 16 * 1024
            yield b"a" * 16 * 1024

    assert send(client, served, "orders", "text/plain", endless()).status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_a_compressed_body_is_refused(client: TestClient, served: Served, coding: str) -> None:
    bomb = gzip.compress(bytes(10 * MiB))
    answer = send(client, served, "orders", "text/plain", bomb, **{"Content-Encoding": coding})
    assert answer.status_code == 415
    assert "not compressed" in answer.json()["detail"]


JSON = {
    "NaN": (b'{"name": "a", "scope": "reader", "days": NaN}', "malformed"),
    "Infinity": (b'{"name": "a", "scope": "reader", "days": Infinity}', "malformed"),
    "out of range": (b'{"name": "a", "scope": "reader", "days": 1e999}', "out of range"),
    "below zero": (b'{"name": "a", "scope": "reader", "days": -1}', "days"),
    "deep lists": (b"[" * 30_000, "too deep"),
    "deep records": (b'{"name":' * 7_000, "too deep"),
    "a deep unknown field": (b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "too deep"),
    "not UTF-8": (b'{"name": "\xff", "scope": "reader"}', "UTF-8"),
    "half a surrogate": (b'{"name": "\\ud800", "scope": "reader"}', "surrogate"),
    "not JSON": (b"name=a", "malformed"),
    "nothing": (b"", "data"),
    "a list": (b"[]", "object"),
    "an unknown field": (b'{"name": "a", "scope": "reader", "admin": true}', "admin"),
    "an unknown scope": (b'{"name": "a", "scope": "root"}', "scope"),
}


@pytest.mark.parametrize("case", JSON)
def test_json_is_refused_with_its_reason(client: TestClient, served: Served, case: str) -> None:
    body, words = JSON[case]
    headers = served.bearer("admin") | {"Content-Type": "application/json"}
    answer = client.post("/api/v1/tokens", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]


def test_json_of_more_than_the_limit_is_refused(client: TestClient, served: Served) -> None:
    body = {"name": "a" * 70_000, "scope": "reader"}
    answer = client.post("/api/v1/tokens", json=body, headers=served.bearer("admin"))
    assert answer.status_code == 413


def test_limits_are_told_by_kind() -> None:
    assert set(bodies.LARGEST) == set(bodies.TYPES) == {"text", "signal", "image"}
