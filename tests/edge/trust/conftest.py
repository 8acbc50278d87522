from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trusting import Device, Signing, signing

Make = Callable[..., bytes]


@pytest.fixture
def signs(tmp_path: Path) -> Iterator[Signing]:
    with signing(tmp_path / "trust") as made:
        yield made


@pytest.fixture
def device(tmp_path: Path, signs: Signing) -> Device:
    """A device that runs a first model, by the first assignment."""
    return Device(tmp_path / "device", signs)


@pytest.fixture
def models(make_model: Make) -> list[bytes]:
    """Three models of one task that decide alike and are different files."""
    return [make_model(scale=scale) for scale in (1.0, 2.0, 3.0)]
