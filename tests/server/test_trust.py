"""Signed files over HTTP: those alone, whatever is asked for."""

from pathlib import Path

import pytest
from litestar.testing import TestClient
from serving_workspace import Served

from twoloops.store.workspace import Store
from twoloops.wiring import trust
from twoloops.wiring.workspace import now


def test_what_is_signed_is_served_byte_for_byte(client: TestClient, served: Served) -> None:
    trust.begin(served.folder, now())
    with Store.open(served.folder) as store:
        trust.publish(served.folder, store, now())
    known = trust.repository(served.folder)
    paths = [*known.metadata.iterdir(), *(p for p in known.targets.rglob("*") if p.is_file())]
    assert len(paths) > 4
    for path in paths:
        name = path.relative_to(served.folder / "trust").as_posix()
        answer = client.get(f"/trust/{name}", headers=served.bearer("edge"))
        assert (answer.status_code, answer.content) == (200, path.read_bytes()), name


@pytest.mark.parametrize(
    "name",
    [
        "metadata/root.json",
        "metadata/0.root.json",
        "metadata/1.root.json.new",
        "metadata/..%2fkeys%2fx.pem",
        "metadata/mirrors.json",
        "targets/revoked.json",
        "targets/%2e%2e/keys/x.pem",
        "targets/" + "a" * 64 + "./x",
        "targets/" + "a" * 64 + ".x/../../keys/x.pem",
        "targets/a/b/c/" + "a" * 64 + ".x",
        "keys/x.pem",
    ],
)
def test_nothing_else_is(client: TestClient, served: Served, name: str) -> None:
    trust.begin(served.folder, now())
    answer = client.get(f"/trust/{name}", headers=served.bearer("edge"))
    assert answer.status_code in (400, 404)
    assert b"PRIVATE" not in answer.content


def test_a_link_out_of_the_folder_is_not_followed(
    client: TestClient, served: Served, tmp_path: Path
) -> None:
    trust.begin(served.folder, now())
    secret = tmp_path / "secret"
    secret.write_bytes(b"PRIVATE")
    link = trust.repository(served.folder).targets / ("a" * 64 + ".json")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(secret)
    answer = client.get(f"/trust/targets/{link.name}", headers=served.bearer("edge"))
    assert answer.status_code == 404
