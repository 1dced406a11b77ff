"""An audit of images and their annotation table, before anything is learnt from them."""

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.feature_matrix import check_feature_matrix
from attrlearn.checks.inputs import Inputs, check_inputs
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import MISSING, check_attributes, check_table, encode_targets
from attrlearn.exceptions import naming_argument
from attrlearn.inspection.image_facts import ImageFacts, count_threads, read_facts
from attrlearn.inspection.label_counts import (
    count_attributes,
    count_categories,
    count_classes,
    find_holes,
)
from attrlearn.inspection.near_duplicates import (
    Pairs,
    feature_pairs,
    group_rows,
    thumbnail_pairs,
    twins_apart,
)
from attrlearn.inspection.repeated_images import (
    count_disagreements,
    find_conflicts,
    find_identical,
    image_numbers,
)

if TYPE_CHECKING:
    from attrlearn.inspection.audit_report import AuditReport

__all__ = ["audit"]

THUMBNAIL_DISTANCE = 0.5
FEATURE_DISTANCE = 0.1
SMALL_SIDE = 64  # pixels
LONG_SIDE = 3.0  # times the short one


def audit(
    X: Any,
    y: Any,
    categories: Any = None,
    *,
    embedder: Any = None,
    max_distance: float | None = None,
    categorical_attributes: Any = "from_dtype",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> "AuditReport":
    """Look for what is wrong with images and labels before training.

    Parameters
    ----------
    X : array-like of N paths; DataFrame with a column `image`; or images
        As in `AttributeClassifier.fit`; the columns `category` and `group` are looked at too.
    y : array-like or DataFrame of shape (N, A)
        With gaps.
    categories : array-like of shape (N,), optional
        Not together with a column `category` in X.
    embedder : ImageEmbedder, or array-like of shape (N, D), optional
        Near-duplicates are found by small thumbnails, which find copies: encoded anew, resized,
        cropped by a few percent, or brightened; with this also by the cosine distance of these
        features, standardised, which may find other photos of one item. An embedder that is not
        fitted is cloned and fitted. Neither finds mirrored images.
    max_distance : float, optional
        Largest distance of near-duplicates: of features, if there are any, else of thumbnails.
        None: 0.5 of thumbnails, where 1 stands for the typical noise of compression and resizing,
        and 0.1 of features, at which those of ``mobilenet_v2`` pair hardly any two items.
    categorical_attributes : "from_dtype" or list of names or positions, default="from_dtype"
        See `AttributeClassifier`.
    n_jobs : int or None, default=None
        Threads that read and compare images; None and -1: all cores.
    verbose : int, default=0
        1: progress on standard error.

    Returns
    -------
    AuditReport
        Its tables hold the findings; ``print`` shows a summary, and ``to_html`` writes a page.

    Raises
    ------
    ValueError, TypeError
        If an argument breaks a rule. Images that cannot be read are findings, no errors.

    See Also
    --------
    attrlearn.read_labels : With ``on_duplicate="keep"`` and ``on_missing_image="keep"`` it reads a
        labels file as it is.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from attrlearn import make_attribute_images
    >>> from attrlearn.inspection import audit
    >>> X, y = make_attribute_images(60, mkdtemp(), random_state=0)
    >>> report = audit(X, y)
    >>> len(report.unreadable), len(report.identical), len(report.conflicts)
    (0, 0, 0)
    >>> report.attributes["verdict"].unique().tolist()
    ['ok', 'too few']
    """
    from attrlearn.inspection.audit_report import AuditReport

    _check_distance(max_distance)
    _refuse_features(X)
    inputs = check_inputs(X, categories)
    check_paired({"X": X, "y": y, "categories": categories})
    table, attributes = _read_targets(y, len(inputs), categorical_attributes)
    codes = encode_targets(table, attributes)
    features = _check_features(embedder, len(inputs))
    n_threads = count_threads(n_jobs)
    assert inputs.images is not None
    facts = read_facts(inputs.images, n_threads, verbose=verbose)
    numbers = image_numbers(facts.table)
    identical = find_identical(facts.table, numbers)
    rows = _rows_to_compare(facts, numbers, by_thumbnail=True)
    limit = THUMBNAIL_DISTANCE if embedder is not None or max_distance is None else max_distance
    pairs = thumbnail_pairs(facts.thumbnails[rows], limit, n_threads, verbose=verbose)
    pairs, by_features = _of_rows(pairs, rows), np.zeros(len(pairs.first), dtype=bool)
    if embedder is not None:
        rows = _rows_to_compare(facts, numbers, by_thumbnail=False)
        if features is None:
            features = _embed(embedder, [inputs.images[row] for row in rows])
        else:
            features = features[rows]
        limit = FEATURE_DISTANCE if max_distance is None else max_distance
        others = _of_rows(feature_pairs(features, limit, n_threads, verbose=verbose), rows)
        pairs, by_features = _joined(pairs, others)
    found, leaks = _groups(inputs, numbers, pairs)
    return AuditReport(
        **_image_tables(facts.table),
        identical=identical,
        conflicts=find_conflicts(identical, codes, attributes),
        near_duplicates=_pair_table(facts.table, pairs, by_features, codes),
        groups=pd.Series(found, inputs.index, name="group"),
        expected_leaks=leaks,
        attributes=count_attributes(codes, attributes),
        classes=count_classes(codes, attributes),
        categories=count_categories(codes, inputs.categories),
        holes=find_holes(codes, attributes, inputs.categories),
        unlabelled=_rows_of(facts.table, (codes == MISSING).all(axis=1)),
        sources=inputs.images,
    )


def _check_distance(max_distance: float | None) -> None:
    """Raise unless it is a distance."""
    if max_distance is not None and not isinstance(max_distance, Real):
        raise TypeError(f"max_distance must be a number. Got {max_distance!r}. Pass 0.1, say.")
    if max_distance is not None and not max_distance >= 0:
        raise ValueError(f"max_distance must be at least 0. Got {max_distance!r}. Pass 0.1, say.")


def _refuse_features(X: Any) -> None:
    """Raise if X holds numbers in the place of images."""
    if isinstance(X, np.ndarray) and X.ndim == 2 and np.issubdtype(X.dtype, np.floating):
        raise TypeError(
            f"X must hold images, for an audit reads their files. Got features of shape {X.shape}. "
            "Pass the images, and the features as embedder."
        )


def _read_targets(y: Any, n_rows: int, categorical: Any) -> tuple[pd.DataFrame, Attributes]:
    """`y` with its attributes; one without any label counts as binary, unlike in `fit`."""
    table = check_table(y, n_rows)
    for name in table:
        is_class = isinstance(table[name].dtype, pd.CategoricalDtype)
        if table[name].isna().all() and not (is_class and len(table[name].cat.categories)):
            table[name] = np.nan
    empty = [name for name in table if table[name].isna().all()]
    if not isinstance(categorical, str):
        positions = {a for a, name in enumerate(table) if name in empty}
        categorical = [c for c in categorical if c not in empty and c not in positions]
    return check_attributes(table, n_rows, categorical)


def _check_features(embedder: Any, n_rows: int) -> np.ndarray | None:
    """The features (N, D) if they are given in the place of an embedder."""
    if embedder is None or hasattr(embedder, "transform"):
        return None
    if isinstance(embedder, str):
        raise TypeError(
            f"embedder must be an ImageEmbedder or an array of features. Got {embedder!r}. "
            f"Pass ImageEmbedder({embedder!r})."
        )
    with naming_argument("embedder"):
        features, _ = check_feature_matrix(embedder)
        if len(features) != n_rows:
            raise ValueError(
                f"the features must have one row per image. Got {len(features)} for {n_rows} "
                "images. Select the same rows."
            )
    return features


def _embed(embedder: Any, images: list[Any]) -> np.ndarray:
    """Features (N, D) of images that can be read."""
    if not images:
        return np.zeros((0, 1), dtype=np.float32)
    try:
        check_is_fitted(embedder)
    except NotFittedError:
        return clone(embedder).fit_transform(images)
    return embedder.transform(images)


def _rows_to_compare(facts: ImageFacts, numbers: np.ndarray, *, by_thumbnail: bool) -> np.ndarray:
    """The rows whose images may be near-duplicates: one of each content that shows something."""
    usable = facts.table["reason"].isna()
    if by_thumbnail:
        usable &= ~facts.table["one_colour"]
    rows = np.flatnonzero(usable)
    return rows[np.sort(np.unique(numbers[rows], return_index=True)[1])]


def _groups(inputs: Inputs, numbers: np.ndarray, pairs: Pairs) -> tuple[np.ndarray, float]:
    """Groups (N,) of rows that belong together, and how many rows a split without them leaks."""
    first = np.unique(numbers, return_index=True)[1]
    same = np.arange(len(numbers)), first[numbers]
    alike = group_rows(len(numbers), same, (pairs.first, pairs.second))
    leaks = twins_apart(alike)
    if inputs.groups is None:
        return alike, leaks
    given = np.unique(inputs.groups, return_index=True)[1][inputs.groups]
    near = pairs.first, pairs.second
    return group_rows(len(numbers), same, near, (np.arange(len(numbers)), given)), leaks


def _rows_of(table: pd.DataFrame, chosen: Any, *columns: str) -> pd.DataFrame:
    """The number, the name, and some facts of the rows chosen."""
    rows = np.flatnonzero(chosen)
    part = table[["image", *columns]].iloc[rows].reset_index(drop=True)
    part.insert(0, "row", rows)
    return part


def _of_rows(pairs: Pairs, rows: np.ndarray) -> Pairs:
    """Pairs among some rows as pairs of all."""
    return Pairs(rows[pairs.first], rows[pairs.second], pairs.distance)


def _joined(pairs: Pairs, others: Pairs) -> tuple[Pairs, np.ndarray]:
    """Pairs and those of others that are not among them, and (P,) bool which these are."""
    known = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    rows = zip(others.first.tolist(), others.second.tolist(), strict=True)
    new = np.array([pair not in known for pair in rows], dtype=bool)
    parts = (np.append(mine, more[new]) for mine, more in zip(pairs, others, strict=True))
    return Pairs(*parts), np.arange(len(pairs.first) + new.sum()) >= len(pairs.first)


def _pair_table(
    table: pd.DataFrame, pairs: Pairs, by_features: np.ndarray, codes: np.ndarray
) -> pd.DataFrame:
    """Near-duplicates with their names: copies, then those by features, the nearest first."""
    names = table["image"].to_numpy()
    found = {
        "row": pairs.first,
        "other_row": pairs.second,
        "image": names[pairs.first],
        "other_image": names[pairs.second],
        "distance": pairs.distance,
        "found_by": np.where(by_features, "features", "thumbnails"),
        "disagreements": count_disagreements(codes, pairs.first, pairs.second),
    }
    order = np.lexsort((pairs.second, pairs.first, pairs.distance, by_features))
    return pd.DataFrame(found).iloc[order].reset_index(drop=True)


def _image_tables(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What the files alone tell, by the names that it has in a report."""
    readable = table["reason"].isna()
    promised = (table["suffix_format"] != table["format"]).fillna(False).astype(bool)
    known = table[["width", "height"]].where(readable)
    sizes = known.assign(aspect_ratio=known["width"] / known["height"])
    sizes["n_bytes"] = table["n_bytes"].where(readable)
    return {
        "images": table,
        "missing": _rows_of(table, table["missing"]),
        "unreadable": _rows_of(table, ~readable & ~table["missing"], "reason"),
        "wrong_suffix": _rows_of(table, promised, "suffix_format", "format"),
        "odd_sizes": _odd_sizes(table),
        "one_colour": _rows_of(table, table["one_colour"]),
        "sizes": sizes.agg(["min", "median", "max"]),
    }


def _odd_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Images that can be read and that a backbone sees much enlarged, or squashed."""
    readable = table["reason"].isna()
    short, long = (table[["width", "height"]].agg(name, axis=1) for name in ("min", "max"))
    tiny, narrow = short < SMALL_SIDE, long > LONG_SIDE * short
    found = _rows_of(table, readable & (tiny | narrow), "width", "height")
    rows = found["row"]
    found["finding"] = [
        " and ".join(
            [f"a side below {SMALL_SIDE} pixels"] * bool(small)
            + [f"one side over {LONG_SIDE:g} times the other"] * bool(thin)
        )
        for small, thin in zip(tiny.iloc[rows], narrow.iloc[rows], strict=True)
    ]
    return found.astype({"width": int, "height": int})
