"""The search, with the face of scikit-learn's `GridSearchCV`."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid, ParameterSampler, check_cv
from sklearn.utils._param_validation import Interval

from attrlearn.search.candidate import Estimators, train_side_by_side

__all__ = ["AttributeSearchCV"]


class AttributeSearchCV(GridSearchCV):
    """Search over hyperparameters of an `AttributeClassifier`, its networks trained side by side.

    The parameters, methods, attributes and results are those of scikit-learn's `GridSearchCV`, or,
    with `n_iter`, of its `RandomizedSearchCV`. Features are read once for all candidates, and
    candidates whose networks have one form train as one batched computation: with an int
    `random_state` each gets the network that `GridSearchCV` would give it, up to the order in which
    numbers are added.

    Parameters
    ----------
    estimator : AttributeClassifier
    param_grid : dict, or list of dicts
        Lists of values by parameter, all combinations of which are candidates; with `n_iter` also
        distributions of scipy.
    n_iter : int or None, default=None
        How many candidates to draw at random. None: all of the grid.
    scoring : str, callable, list, tuple or dict, default=None
        As in `GridSearchCV`, such as ``SCORERS["average_precision"]`` of `attrlearn.metrics`. None:
        the estimator's `score`, the mean balanced accuracy.
    n_jobs : int or None, default=None
        Processes for candidates that are fitted one by one, where none learn side by side.
    refit : bool, str or callable, default=True
        Whether, or by which score, to fit the best candidate to all rows.
    cv : int, splitter or iterable of (train, test), default=None
        As in `GridSearchCV`; `AttributeKFold` deals each class of each attribute in proportion.
    verbose : int, default=0
    pre_dispatch : int or str, default="2*n_jobs"
    error_score : "raise" or float, default=nan
        Score of a candidate that cannot be fitted.
    return_train_score : bool, default=False
    random_state : int, RandomState or None, default=None
        Of the candidates that `n_iter` draws.

    Attributes
    ----------
    cv_results_ : dict
        As of `GridSearchCV`. The fit time of a candidate that learnt beside others is its share.
    best_estimator_, best_params_, best_score_, best_index_, scorer_, n_splits_, refit_time_
        As of `GridSearchCV`.
    n_side_by_side_ : int
        How many of the fits, candidates times folds, were not made one by one.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Fits candidates one by one, in any number of processes.

    Notes
    -----
    Candidates of one fold learn side by side if they differ in `learning_rate`, `weight_decay`,
    `dropout`, `class_weight`, `schedule`, `optimizer`, `thresholds`, `calibrate` and `on_untuned`;
    those that differ in other parameters of the head, such as `hidden_dim`, in several batches, on
    the same features. Fitted one by one, with the same results as ever, are those with
    ``trainable`` other than "head", `early_stopping`, ``norm="batch"`` in a hidden layer,
    `clip_grad_norm`, `accumulate_steps`, a `loss` or `optimizer` that is a callable, images that
    change anew in each epoch, random weights without an int `random_state`, and all if the
    estimator is another one (a pipeline, say), or `fit` gets more than X, y and groups.

    Examples
    --------
    >>> from attrlearn import AttributeClassifier
    >>> from attrlearn.model_selection import AttributeKFold, AttributeSearchCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 4))
    >>> y = np.where(rng.random((60, 2)) < 0.2, np.nan, X[:, :2] > 0)
    >>> clf = AttributeClassifier(backbone=None, max_epochs=5, random_state=0)
    >>> grid = {"learning_rate": [1e-5, 1e-2], "dropout": [0.5, 0.8]}
    >>> search = AttributeSearchCV(clf, grid, cv=AttributeKFold(3)).fit(X, y)
    >>> search.best_params_["learning_rate"]
    0.01
    >>> search.n_side_by_side_
    12
    """

    _parameter_constraints: ClassVar[dict] = {
        **GridSearchCV._parameter_constraints,
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.n_iter = n_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Try all candidates on all folds, and fit the best one to all rows.

        Parameters
        ----------
        X, y
            As in `AttributeClassifier.fit`.
        **params
            `groups` for the splitter; others go to the fit of each candidate, one by one.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or an argument breaks a rule.
        """
        self._validate_params()
        candidates = list(self._candidates())
        cv = check_cv(self.cv, y, classifier=False)
        splits = list(cv.split(X, y, params.get("groups")))
        others = params.keys() - {"groups"}
        trained = {} if others else train_side_by_side(self.estimator, candidates, splits, X, y)
        # scikit-learn's own search goes on from here, with estimators that have learnt already.
        search = copy(self)
        search.param_grid = [{name: [v] for name, v in c.items()} for c in candidates]
        search.cv = splits
        if trained:
            pairs = [(c, s) for c in range(len(candidates)) for s in range(len(splits))]
            search.estimator = Estimators.of(
                self.estimator, deque(trained.get(pair) for pair in pairs)
            )
            search.n_jobs = None
        super(AttributeSearchCV, search).fit(X, y, **params)
        found = {name: value for name, value in vars(search).items() if name.endswith("_")}
        self.__dict__.update(found, n_side_by_side_=len(trained))
        for number in range(len(candidates)):
            seconds = [c.seconds for (n, _), c in trained.items() if n == number]
            if len(seconds) == len(splits):
                self.cv_results_["mean_fit_time"][number] = np.mean(seconds)
                self.cv_results_["std_fit_time"][number] = np.std(seconds)
        return self

    def _candidates(self) -> Iterator[dict[str, Any]]:
        """The parameters to try."""
        if self.n_iter is None:
            return iter(ParameterGrid(self.param_grid))
        return iter(ParameterSampler(self.param_grid, self.n_iter, random_state=self.random_state))
