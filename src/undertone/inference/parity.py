"""Does a bundle still answer as it did in training? Replayed by `undertone doctor` and by the bundle's writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertone.inference.session import session_of
from undertone.speech.script import script_alone

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from undertone.inference.bundle import Bundle, Golden
    from undertone.speech.script import Scripts

    Answer = Callable[[NDArray[np.float32], NDArray[np.int64], Scripts], NDArray[np.float32]]


def largest_difference(bundle: Bundle) -> float:
    """Run the bundle's golden inputs and compare logits with those stored, padded and one by one.

    Returns:
        The largest distance of a logit from the stored one; infinite where one is not a number.

    Raises:
        BundleError: if the graph does not run here.
    """
    return difference_from(bundle.golden, session_of(bundle).run)


def difference_from(golden: Golden, answer: Answer) -> float:
    """As `largest_difference`, of anything that answers.

    Args:
        golden: what should be answered.
        answer: takes features (window, frame, mel), lengths (window,) and scripts, gives logits (window, label).
    """
    together = answer(golden.features, golden.lengths, golden.scripts)
    alone = np.concatenate(
        [
            answer(
                golden.features[row : row + 1, :length],
                golden.lengths[row : row + 1],
                script_alone(golden.scripts, row),
            )
            for row, length in enumerate(golden.lengths.tolist())
        ]
    )
    distances = np.abs(np.stack((together, alone)) - golden.logits)
    # A comparison with nan is false, so a network that answers nothing would seem to be within every tolerance.
    return float(distances.max()) if np.isfinite(distances).all() else float("inf")
