"""Which columns of a labels file are images, inputs and attributes."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from attrlearn.labels.tables import TextTable

__all__ = ["as_list", "choose_columns"]


def as_list(name: str, values: Sequence[str]) -> list[str]:
    """Return the values as a list, after a check that they are not one string."""
    if isinstance(values, str):
        raise TypeError(f"{name} must be a list of strings. Got {values!r}. Pass [{values!r}].")
    return list(values)


def choose_columns(
    table: TextTable,
    image: str | None,
    carried: dict[str, str],
    attributes: Sequence[str] | None,
    categorical: Sequence[str] | None,
) -> tuple[str, list[str], list[str]]:
    """Return the checked names of the image column, the attributes, and those named categorical."""
    image = next(iter(table.columns)) if image is None else image
    inputs = [image, *carried.values()]
    if attributes is None:
        attributes = [name for name in table.columns if name not in inputs]
    attributes = as_list("attribute_columns", attributes)
    categorical = as_list("categorical", categorical or ())
    for option, names in (
        ("image_column", [image]),
        *((f"{name}_column", [column]) for name, column in carried.items()),
        ("attribute_columns", attributes),
    ):
        _check_names(option, names, table.columns, f"a column of {table.file}")
    _check_names("categorical", categorical, attributes, "an attribute")
    repeated = [name for name, n in Counter(inputs + attributes).items() if n > 1]
    if repeated:
        raise ValueError(
            "image_column, category_column, group_column and attribute_columns must name different "
            f"columns. Got {repeated[0]!r} twice."
        )
    if not attributes:
        raise ValueError(
            f"{table.file} must have a column besides {inputs}. Got none. Check that its first "
            "line is a header with tabs, commas or semicolons, or that attribute_columns is not []."
        )
    return image, attributes, categorical


def _check_names(option: str, names: Iterable[str], known: Collection[str], what: str) -> None:
    """Raise if one of the names is not known."""
    for name in names:
        if name not in known:
            raise ValueError(f"{option} must name {what}. Got {name!r}. There are {list(known)}.")
