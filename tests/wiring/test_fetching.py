"""The HTTP client's limits, each met by a real server: whole answers of the right kind or none."""

import gzip
import socket

import pytest

from twoloops.atlas.publishers.port import NotThereError, SourceError, UnreachableError
from twoloops.wiring.fetching import Web


def reply(publishing, **said):
    publishing.change("/file", **said)
    return f"{publishing.url}/file"


def get(url, kind="csv", **limits):
    with Web(pause=lambda: None, **limits) as web:
        return web(url, kind)


def test_an_answer_comes_whole_with_its_headers(publishing) -> None:
    url = reply(publishing, body=b"a,b\n1,2\n", headers={"Last-Modified": "x"})
    answer = get(url)
    assert answer.body == b"a,b\n1,2\n"
    assert answer.headers["last-modified"] == "x"


def test_a_compressed_answer_is_unpacked(publishing) -> None:
    packed = gzip.compress(b"a,b\n")
    assert get(reply(publishing, body=packed, headers={"Content-Encoding": "gzip"})).body == (
        b"a,b\n"
    )


def test_an_answer_cut_off_is_no_answer(publishing) -> None:
    url = reply(publishing, body=b"x" * 5000, cut=1200)
    with pytest.raises(SourceError, match=r"^the answer broke off \(.*1200.*5000.*\)$"):
        get(url)
    assert publishing.asked.count("/file") == 2  # it may have passed


def test_a_compressed_answer_cut_off_is_no_answer(publishing) -> None:
    packed = gzip.compress(bytes(range(256)) * 999)
    for left in (20, 1):
        url = reply(publishing, body=packed[:-left], headers={"Content-Encoding": "gzip"})
        with pytest.raises(SourceError, match=r"broke off \(its compressed stream lacks its end"):
            get(url)


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("gzip", "the answer cannot be decompressed ("),
        ("br", "the answer is compressed as 'br'"),
    ],
)
def test_an_answer_that_cannot_be_unpacked_is_refused(publishing, encoding, says) -> None:
    with pytest.raises(SourceError) as caught:
        get(reply(publishing, body=b"plain", headers={"Content-Encoding": encoding}))
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("status", "error", "asked"),
    [
        (404, NotThereError, 1),
        (401, NotThereError, 1),
        (400, SourceError, 1),
        (503, SourceError, 2),
    ],
)
def test_statuses_are_told_apart(publishing, status, error, asked) -> None:
    with pytest.raises(error, match=rf"^127\.0\.0\.1 answered {status} \w+"):
        get(reply(publishing, status=status, body=b"no"))
    assert publishing.asked.count("/file") == asked


def test_a_passing_fault_passes(publishing) -> None:
    url = reply(publishing, status=503, body=b"busy")

    def recover(path: str) -> None:
        if len(publishing.asked) == 2:
            publishing.change("/file", status=200, body=b"a\n")

    publishing.on_ask = recover
    assert get(url).body == b"a\n"


def test_too_large_an_answer_is_given_up(publishing) -> None:
    url = reply(publishing, body=b"x" * 3_000_000)
    with pytest.raises(SourceError, match=r"^the answer is larger than 2 MB, which is the limit$"):
        get(url, most_bytes=2_000_000)


def test_a_small_answer_that_unpacks_to_a_large_one_is_given_up(publishing) -> None:
    packed = gzip.compress(b"x" * 5_000_000)
    assert len(packed) < 10_000
    with pytest.raises(SourceError, match=r"^the answer is larger than 2 MB"):
        get(
            reply(publishing, body=packed, headers={"Content-Encoding": "gzip"}),
            most_bytes=2_000_000,
        )


def test_silence_is_given_up(publishing) -> None:
    url = reply(publishing, body=b"x" * 100, stall=1.5)
    with pytest.raises(SourceError, match=r"^127\.0\.0\.1:\d+ stopped answering \(the limit is 1"):
        get(url, silence=0.3, tries=1)


def test_an_answer_in_drops_is_given_up(publishing) -> None:
    url = reply(publishing, body=b"x" * 100, drip=0.05)
    with pytest.raises(SourceError, match=r"^the answer took longer than 0\.5 s$"):
        get(url, seconds=0.5)


def test_redirects_are_followed_but_not_for_ever(publishing) -> None:
    publishing.change("/there", body=b"a\n")
    url = reply(publishing, status=302, headers={"Location": "/there"})
    assert get(url).body == b"a\n"
    publishing.change("/there", status=302, headers={"Location": "/file"})
    with pytest.raises(SourceError, match=r"^more than 5 redirects$"):
        get(url)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_web_page_with_status_200_is_refused(publishing, kind) -> None:
    says = rf"^the answer is a web page, not {kind.upper()}$"
    with pytest.raises(SourceError, match=says):
        get(reply(publishing, body=b"\n<!DOCTYPE html><html>Sorry"), kind)
    page = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(SourceError, match=says):
        get(reply(publishing, body=b"Sorry", headers=page), kind)


def test_an_empty_answer_is_refused(publishing) -> None:
    with pytest.raises(SourceError, match=r"^the answer is empty$"):
        get(reply(publishing, body=b" \n"))


def test_nobody_listening_is_told_apart_from_a_bad_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"^127\.0\.0\.1:{port} cannot be reached \(.+\)$"):
        get(f"http://127.0.0.1:{port}/file")


def test_a_host_that_does_not_exist_cannot_be_reached() -> None:
    with pytest.raises(UnreachableError, match=r"^nowhere\.invalid cannot be reached \(.+\)$"):
        get("http://nowhere.invalid/file")


def test_a_server_that_speaks_no_http_is_told(publishing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def rude() -> None:
            for _ in range(2):
                line, _ = server.accept()
                with line:
                    line.recv(1000)
                    line.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=rude)
        thread.start()
        with pytest.raises(SourceError, match=r"^the answer broke off \("):
            get(f"http://127.0.0.1:{server.getsockname()[1]}/file")
        thread.join()
