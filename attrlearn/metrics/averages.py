"""From the scores of the attributes to one."""

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from attrlearn.checks.attributes import Attributes
from attrlearn.exceptions import warn

__all__ = ["averaged", "check_average"]


def check_average(average: str | None, *choices: str | None) -> None:
    """Raise unless `average` is one of the choices.

    Examples
    --------
    >>> check_average("macro", "macro", None)
    """
    if average not in choices:
        *others, last = ['"' + choice + '"' if choice else "None" for choice in choices]
        raise ValueError(
            f"average must be {', '.join(others)} or {last}. Got {average!r}. Pass one of these."
        )


def averaged(
    attributes: Attributes,
    scores: list[float],
    average: str | None,
    what: str,
    *,
    micro: float = np.nan,
    needs: str = "two labelled classes",
) -> float | np.ndarray:
    """Average the scores, with one warning for the attributes that have none.

    Parameters
    ----------
    attributes : Attributes
    scores : list of A floats
        NaN for an attribute that cannot be scored.
    average : {"macro", "micro", None}
    what : str
        Name of the score.
    micro : float, default=nan
        The score of all labelled cells together.
    needs : str, default="two labelled classes"
        What an attribute without a score lacks.

    Returns
    -------
    float or ndarray of shape (A,)

    Examples
    --------
    >>> hood = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> averaged(hood, [0.75], "macro", "accuracy")
    0.75
    """
    values = np.array(scores, dtype=float)
    undefined = np.isnan([micro] * len(values) if average == "micro" else values)
    if undefined.any():
        names = [attributes.names[a] for a in np.flatnonzero(undefined)]
        # Of the caller of the score.
        warn(f"The {what} needs {needs}: left out {names}.", UndefinedMetricWarning)
    if average is None:
        return values
    if average == "micro" or undefined.all():
        return float(micro) if average == "micro" else float("nan")
    return float(np.nanmean(values))
