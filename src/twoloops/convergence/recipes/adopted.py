"""A model that was made elsewhere, as the loops here see it: its file is all there is of it.

What it learned from is not in this workspace, so it cannot be fitted again. It need not be: it has
learned from nothing that lies here, so what its file says of any observation is honest.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from twoloops.convergence.recipes.head import CrossFitted, Head, Scaling
from twoloops.convergence.recipes.specialise import Specialised
from twoloops.digital.base import Base
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset
from twoloops.records.errors import UserError
from twoloops.records.task import Task


def adopted(base: Base, data: bytes, card: ModelCard, task: Task) -> Specialised:
    """Return a model's file as if it had been specialised here on nothing.

    Args:
        base: Of its base's name; where its graph is another one, the file's own encoder is used.
        data: The model's file; `convergence.recipes.export` names its head's constants.
        card: The model's.
        task: Whose model it is here.

    Raises:
        UserError: The file has no head as `convergence.recipes.export` writes it.
    """
    constants = {
        one.name: numpy_helper.to_array(one)
        for one in onnx.load_from_string(data).graph.initializer
        if one.name.startswith("head.")
    }
    try:
        weights, centres = constants["head.weights"], constants["head.centres"]
        reach = 0.5 / float(constants["head.reach"])
        bias = constants["head.bias"]
    except KeyError as error:
        raise UserError(
            f"the adopted model of task {task.name!r} has no constant {error}: turns cannot "
            "compare with it; deploy another model"
        ) from error
    dense = len(weights) - base.card.sparse
    head = Head(
        # Standardising is folded into the file's weights, and the temperature too.
        scaling=Scaling(
            ratio=constants.get("head.ratio", np.ones(0)).astype(np.float64),
            mean=np.zeros(dense),
            factor=np.ones(dense),
        ),
        classes=np.arange(len(card.labels)),
        weights=weights.astype(np.float64),
        bias=bias.astype(np.float64),
        temperature=1.0,
        centres=centres.T.astype(np.float64),
        reach=reach,
    )
    fitted = CrossFitted(
        full=head, parts=(), known=frozenset(), strength=0.0, loss=float("inf"), operations=0.0
    )
    return Specialised(
        base=base if base.digest == card.base_digest else Base(base.card, data),
        dataset=Dataset.of(task.name, []).digest,
        labels=card.labels,
        normal=task.normal,
        task=task.name,
        fitted=fitted,
        cpu_seconds=0.0,
    )
