"""Which labels are probably wrong: confident learning over out-of-sample probabilities.

Northcutt, Jiang and Chuang (2021), by their library cleanlab: a label is suspected where a model
that has not learned from the item is surer of another label than it usually is of that one, in as
many items as the estimated noise of the pair of labels says. The least supported come first.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twoloops.records.errors import MissingExtraError

LEAST = 3
"""A label of fewer items than this cannot be told from its errors, and is not suspected: the
first sights of a new fault would be nothing but suspects."""

FILTER = "predicted_neq_given"


class Suspect(NamedTuple):
    """A label that is probably wrong.

    Args:
        row: Of the item.
        confidence: Out-of-sample probability of the label it has.
        suggested: Index of the label that the model holds likeliest.
        suggested_confidence: The probability of that one.
    """

    row: int
    confidence: float
    suggested: int
    suggested_confidence: float


def suspects(probabilities: NDArray[np.float64], labels: NDArray[np.intp]) -> list[Suspect]:
    """Return the labels that are probably wrong, the worst first.

    Args:
        probabilities: (n, k) by a model that has not learned from the item.
        labels: (n,) the labels given, indices into the columns.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its dependencies' deprecations are not ours to heed
            from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise MissingExtraError("finding suspected label errors", "quality") from error
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    known = np.flatnonzero(counts >= LEAST)
    rows = np.flatnonzero(np.isin(labels, known))
    if len(known) < 2:
        return []
    p = probabilities[np.ix_(rows, known)] + 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = find_label_issues(
            np.searchsorted(known, labels[rows]),
            p / p.sum(axis=1, keepdims=True),
            filter_by=FILTER,
            return_indices_ranked_by="self_confidence",
            n_jobs=1,
        )
    out = []
    for at in rows[np.asarray(found, dtype=np.intp)].tolist():
        likeliest = int(probabilities[at].argmax())
        if likeliest != labels[at]:
            out.append(
                Suspect(
                    at,
                    float(probabilities[at, labels[at]]),
                    likeliest,
                    float(probabilities[at, likeliest]),
                )
            )
    return out
