import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

from .conftest import rows


def test_a_part_that_came_back_teaches_the_next_model(call, tmp_path: Path) -> None:
    made = rows(60)
    source, work = tmp_path / "orders.csv", tmp_path / "work"
    with source.open("w", newline="") as file:
        table = [("text", "serial"), *((text, f"S{n}") for n, (text, _) in enumerate(made))]
        csv.writer(file).writerows(table)
    where = ("--workspace", work)
    assert call("init", work).code == 0
    words = ("--kind", "text", "--labels", "leak,crack,ok", "--normal", "ok")
    assert call("task", "add", "orders", *words, "--seed-labels", 30, *where).code == 0
    done = call("ingest", source, "--text", "text", "--key", "serial", *where)
    assert done.code == 0, done.err
    call("turn", "orders", *where)
    labels = tmp_path / "labels.csv"
    call("label", "export", labels, *where)
    truth = dict(made)
    with labels.open(encoding="utf-8-sig", newline="") as file:
        asked = list(csv.DictReader(file))
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("observation", "label"))
        writer.writerows((row["observation"], truth[row["input"]]) for row in asked)
    assert call("label", "import", labels, *where).code == 0
    known = {row["input"] for row in asked}
    back = tmp_path / "returns.csv"
    with back.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("key", "label"))
        writer.writerows(
            (f"S{n}", label) for n, (text, label) in enumerate(made) if text not in known
        )
        writer.writerow(("S999", "leak"))
    done = call("outcome", "import", back, "--source", "returns", *where)
    assert done.code == 0, done.err
    assert done.out.startswith("31 outcomes: 30 new labels, 0 were known.")
    assert "30 of observations that nobody was asked about: they train." in done.out
    assert "1 match no observation (quarantined):" in done.out
    again = json.loads(call("outcome", "import", back, "--source", "returns", "--json", *where).out)
    assert (again["outcomes"]["new"], again["outcomes"]["known"]) == (0, 30)
    turned = json.loads(call("turn", "orders", "--json", *where).out)
    assert turned["closed"]
    from twoloops.store.workspace import Store

    with Store.open(work) as store:
        items = store.datasets.get(turned["dataset"]).items
    assert len(items) == 60
    assert sum(item.judges for item in items) <= 30
    assert {item.split for item in items if not item.judges} <= {"train", "golden"}


def test_photos_are_known_by_their_files_names(call, tmp_path: Path) -> None:
    photos, work = tmp_path / "photos", tmp_path / "work"
    random = np.random.default_rng(0)
    for name in ("ok/part-1.png", "ok/part-2.png", "bad/part-3.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(photos / name)
    where = ("--workspace", work)
    call("init", work)
    call("task", "add", "parts", "--kind", "image", "--labels", "ok,bad", *where)
    assert call("ingest", photos, *where).code == 0
    back = tmp_path / "returns.csv"
    back.write_text("key,label\npart-1,bad\npart-3,bad\npart-4,ok\n")
    done = call("outcome", "import", back, "--source", "returns", *where)
    assert done.out.startswith("3 outcomes: 2 new labels")
