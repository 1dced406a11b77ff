"""Arrays of other libraries, such as tensors of torch, as arrays of numpy."""

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["as_array"]

_PANDAS = pd.DataFrame | pd.Series | pd.Index | pd.api.extensions.ExtensionArray


def as_array(values: Any, what: str) -> Any:
    """Return an array of another library, or those in a list, as numpy's; all else as it is.

    Parameters
    ----------
    values : any
    what : str
        The name of the argument.

    Raises
    ------
    TypeError
        If the array cannot be read from outside, as a tensor that requires grad.

    Examples
    --------
    >>> import torch
    >>> as_array(torch.tensor([1, 0]), "y"), as_array([1, 0], "y")
    (array([1, 0]), [1, 0])
    """
    if isinstance(values, list | tuple) and any(map(_is_foreign, values)):
        return [as_array(value, what) for value in values]
    if not _is_foreign(values):
        return values
    try:
        return np.asarray(values)[()]  # a scalar if it has no axis
    except (TypeError, RuntimeError) as error:
        raise TypeError(
            f"{what} must be readable as an array of numpy. Got a {type(values).__name__} that is "
            f"not ({error}). Convert it, a tensor of torch by .detach().cpu().float().numpy()."
        ) from error


def _is_foreign(values: Any) -> bool:
    """Whether it is an array of neither numpy nor pandas."""
    known = isinstance(values, np.ndarray | np.generic | _PANDAS)
    return hasattr(values, "__array__") and not known
