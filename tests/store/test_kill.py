"""A process killed at any moment leaves whole transactions and a whole journal."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twoloops.records.digests import digest_bytes
from twoloops.store.schema import INLINE_LIMIT
from twoloops.store.workspace import Store

# Each transaction makes one short and one long input, and one fact that names both.
WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from twoloops.store.workspace import Store
store = Store.open(Path(sys.argv[1]))
number = store.journal.head()[0]
print("open", flush=True)
while True:
    number += 1
    with store.transaction():
        short = store.inputs.put(b"short %d" % number, "text")
        fact = store.journal.append(
            "pair", task="t", turn=number, key=str(number), at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        long = store.inputs.put(b"%d" % number * 70_000, "image")
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(0)
    promised = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            time.sleep(chance.uniform(0.0, 0.15))
            process.kill()
            said = process.stdout.read().splitlines()
        promised = max([promised, *(int(line) for line in said if line.strip())])

        with Store.open(tmp_path) as store:
            assert store.journal.verify() == []
            facts = store.journal.facts()
            # What was reported as written is there; at most the next one may be, unreported.
            assert promised <= len(facts) <= promised + 1
            promised = len(facts)
            for number in range(1, len(facts) + 1):
                for data in (b"short %d" % number, b"%d" % number * 70_000):
                    assert store.inputs.get(digest_bytes(data)) == data
            after = b"short %d" % (len(facts) + 1)
            assert not store.inputs.has(digest_bytes(after))
            store.sweep()
            assert list((tmp_path / "blobs" / "partial").iterdir()) == []
    assert len(b"1" * 70_000) > INLINE_LIMIT
    assert promised > 0
