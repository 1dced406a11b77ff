"""The estimator behind a search or a pipeline."""

from typing import Any

__all__ = ["attribute_names", "final_estimator", "last_step"]


def final_estimator(estimator: Any) -> Any:
    """The last step of what a search has found, or of a pipeline; else the estimator itself.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> final_estimator(make_pipeline(StandardScaler(), LogisticRegression()))
    LogisticRegression()
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def last_step(estimator: Any, X: Any) -> tuple[Any, Any]:
    """The final estimator, and X as it gets there: transformed by the steps before it, if any.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MaxAbsScaler
    >>> pipeline = make_pipeline(MaxAbsScaler(), LogisticRegression()).fit([[1], [-2]], [0, 1])
    >>> last_step(pipeline, [[4]])
    (LogisticRegression(), array([[2.]]))
    """
    found = getattr(estimator, "best_estimator_", estimator)
    if len(getattr(found, "steps", [])) > 1:
        X = found[:-1].transform(X)
    return final_estimator(found), X


def attribute_names(estimator: Any) -> list[Any] | None:
    """The attributes in the order of the predictions; None if the estimator does not tell."""
    return getattr(final_estimator(estimator), "attribute_names_", None)
