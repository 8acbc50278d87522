"""A device has the base install: no library that signs, and nothing imported before it is used."""

import subprocess
import sys
from pathlib import Path

from trusting import TASK, Signing

DEVICE = """
import sys
sys.modules["cryptography"] = None  # as where it is not installed
from datetime import UTC, datetime
from pathlib import Path
from twoloops.edge.trust import slot, updating
assert not {"tuf", "httpx2", "securesystemslib"} & set(sys.modules), "imported before it is used"
folder, url, root, task = Path(sys.argv[1]), *sys.argv[2:]
updating.begin(folder, root, task)
at = datetime(2026, 3, 1, 12, tzinfo=UTC)
print(updating.update(folder, url, "secret", lambda: at).active)
"""


def test_a_device_verifies_without_the_library_that_signs(
    tmp_path: Path, signs: Signing, models: list[bytes]
) -> None:
    digest = signs.release(models[0])
    signs.assign(digest)
    words = [str(tmp_path / "device"), signs.url, signs.repository.root_digest(), TASK]
    done = subprocess.run(
        [sys.executable, "-c", DEVICE, *words], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == digest, done.stderr
