"""An edge from an exported model folder: needs the base install only."""

from pathlib import Path

from twoloops.edge.runtime import Runtime
from twoloops.records.errors import UserError

MODEL = "model.onnx"


def runtime(place: Path) -> Runtime:
    """Return the model of an exported folder, or of the ONNX file itself, ready to decide.

    Raises:
        UserError: There is no such file, or it is no model of twoloops.
    """
    path = place / MODEL if place.is_dir() else place
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the model {path}: {error.strerror}; give the folder that  "
            "twoloops export MODEL DIR  wrote"
        ) from error
    return Runtime(data)
