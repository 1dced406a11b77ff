"""Groups of rows that stay together: the photos of one product, say."""

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["groups_in"]


def groups_in(X: Any) -> np.ndarray | None:
    """Return the number of the group (N,) of each row, if X has a column `group`, else None.

    A row without a group, None or NaN, is one of its own.

    Raises
    ------
    ValueError
        If there are several columns of that name.

    Examples
    --------
    >>> groups_in(pd.DataFrame({"image": list("abcd"), "group": ["x", None, "x", None]}))
    array([0, 1, 0, 2])
    """
    if not isinstance(X, pd.DataFrame) or "group" not in X:
        return None
    if isinstance(X["group"], pd.DataFrame):
        raise ValueError(
            f"X must have one column 'group'. Got {X['group'].shape[1]}. Rename or drop the others."
        )
    codes, known = pd.factorize(X["group"])
    alone = codes < 0
    codes[alone] = len(known) + np.arange(alone.sum())
    return codes
