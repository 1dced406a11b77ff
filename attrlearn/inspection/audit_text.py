"""An audit as text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from attrlearn.metrics.report_text import cut

if TYPE_CHECKING:
    from attrlearn.inspection.audit_report import AuditReport

__all__ = ["counted_findings", "format_audit", "rare_text", "short_name", "split_odd_sizes"]

N_SHOWN = 5  # of a kind of finding
NAME_WIDTH = 30


def counted_findings(report: "AuditReport") -> list[tuple[str, str, str, int]]:
    """List what an audit looks for: table, heading, how serious it is, and how often it was found.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    list of (str, str, str, int)
        The second is a heading; the third "error" for what training stops at or learns wrongly,
        "warning" for what deserves a look.
    """
    pairs = report.near_duplicates
    holes = report.holes[report.holes["ruled_out"].astype(bool)]
    poor = report.attributes[report.attributes["verdict"] != "ok"]
    return [
        ("missing", "images that are not there", "error", len(report.missing)),
        ("unreadable", "images that cannot be read", "error", len(report.unreadable)),
        ("conflicts", "cells in which identical images disagree", "error", len(report.conflicts)),
        ("identical", "rows with an identical image", "warning", len(report.identical)),
        ("near_duplicates", "pairs of near-duplicates", "warning", len(pairs)),
        ("wrong_suffix", "files named like another format", "warning", len(report.wrong_suffix)),
        ("one_colour", "images that are all one colour", "warning", len(report.one_colour)),
        ("odd_sizes", "images that are tiny or narrow", "warning", len(report.odd_sizes)),
        ("unlabelled", "rows without any label", "warning", len(report.unlabelled)),
        ("attributes", "attributes with too few labels to learn", "warning", len(poor)),
        ("holes", "attributes without a label in a category of 20 rows", "warning", len(holes)),
    ]


def format_audit(report: "AuditReport") -> str:
    """Write an audit as text of at most 120 columns, as far as names allow.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    str
    """
    n_rows, n_attributes = len(report.images), len(report.attributes)
    missing = report.attributes["missing"].mean()
    what = (
        f"{n_rows:,} row{'s' * (n_rows != 1)}, {n_attributes} attribute{'s' * (n_attributes != 1)}"
    )
    lines = [f"{what}, {missing:.1%} of the cells missing", ""]
    for name, heading, level, count in counted_findings(report):
        mark = "  " if not count else "!!" if level == "error" else " !"
        lines.append(f"{mark} {count:>7,}  {heading}")
        if count and name == "odd_sizes":
            common, rare = split_odd_sizes(report)
            lines += [f"{'':13}{sentence}" for sentence in common] + _examples(name, rare)
        elif count and name not in ("attributes", "holes"):
            lines += _examples(name, getattr(report, name))
    lines += ["", *_leak_lines(report), *_size_lines(report), _attribute_table(report)]
    lines += _hole_lines(report)
    return "\n".join(lines)


def split_odd_sizes(report: "AuditReport") -> tuple[list[str], pd.DataFrame]:
    """Tell odd sizes that most images have, which are one finding, from those of single images.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    list of str
        A sentence for each finding of more than half of the images that can be read.
    DataFrame
        The other rows of ``report.odd_sizes``.
    """
    table, n_images = report.odd_sizes, int(report.images["reason"].isna().sum())
    counts = table["finding"].value_counts()
    common = counts[counts > n_images / 2]
    sentences = [
        f"{'all' if n == n_images else f'{n:,} of'} {n_images:,} images have {finding}"
        for finding, n in common.items()
    ]
    return sentences, table[~table["finding"].isin(common.index)]


def _examples(name: str, table: pd.DataFrame) -> list[str]:
    """Some findings, one per line, and how many there are besides."""
    lines = [f"{'':13}{_describe(name, row)}" for row in table.head(N_SHOWN).to_dict("records")]
    if len(table) > N_SHOWN:
        lines.append(f"{'':13}... and {len(table) - N_SHOWN:,} more: see .{name}")
    return lines


def _describe(name: str, row: Mapping[Any, Any]) -> str:
    """One finding in words."""
    image = short_name(row["image"])
    if name == "conflicts":
        other = "" if row["image"] == row["other_image"] else f" {short_name(row['other_image'])}"
        return (
            f"row {row['row']} {image}, row {row['other_row']}{other}: {row['attribute']} "
            f"{row['value']} or {row['other_value']}"
        )
    if name == "near_duplicates":
        by = " of features" if row["found_by"] == "features" else ""
        n = row["disagreements"]
        labels = f", {n} label{'s' * (n > 1)} differ{'s' * (n == 1)}" if n else ""
        return (
            f"row {row['row']} {image}, row {row['other_row']} {short_name(row['other_image'])}: "
            f"distance {row['distance']:.2f}{by}{labels}"
        )
    notes = {
        "unreadable": lambda: f": {row['reason']}",
        "identical": lambda: f", set {row['set']}{', listed twice' * row['same_path']}",
        "wrong_suffix": lambda: f" holds {row['format']}",
        "odd_sizes": lambda: f", {row['width']} x {row['height']}: {row['finding']}",
    }
    return f"row {row['row']} {image}{notes[name]() if name in notes else ''}"


def short_name(name: str) -> str:
    """The end of a path, which tells it from others.

    Examples
    --------
    >>> short_name("images/shirts/0001.png")
    '0001.png'
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return name if len(name) <= NAME_WIDTH else "..." + name[3 - NAME_WIDTH :]


def _leak_lines(report: "AuditReport") -> list[str]:
    """What a random split would do with the groups."""
    if report.expected_leaks < 0.5:
        return []
    n_rows = len(report.groups)
    sizes = report.groups.value_counts()
    return [
        f"A random 5-fold split would test {report.expected_leaks:.0f} of {n_rows:,} rows "
        f"({report.expected_leaks / n_rows:.1%}) after training on a duplicate.",
        f'X["group"] = report.groups keeps them together: {(sizes > 1).sum():,} groups of up to '
        f"{sizes.max()} rows.",
        "",
    ]


def _size_lines(report: "AuditReport") -> list[str]:
    """Sizes, formats and modes."""
    sizes = report.sizes
    if sizes["width"].isna().all():
        return []
    widths, heights = sizes["width"].astype(float), sizes["height"].astype(float)
    low, middle, high = (
        f"{widths[name]:.0f} x {heights[name]:.0f}" for name in ("min", "median", "max")
    )
    lines = [f"widths and heights: at least {low}, median {middle}, at most {high} pixels"]
    for name in ("format", "mode"):
        counts = report.images[name].dropna().value_counts()
        if len(counts):
            shown = ", ".join(" ".join([str(v), f"{n:,}"]) for v, n in counts.items())
            lines.append(f"{name}s: {shown}")
    return [*lines, ""]


def _attribute_table(report: "AuditReport") -> str:
    """One line per attribute."""
    rows = []
    for name, row in report.attributes.iterrows():
        share = f"{row['prevalence']:.1%} are 1" if row["kind"] == "binary" else _classes(row)
        rows.append(
            [
                cut(str(name), 30),
                f"{row['labelled']:,}",
                f"{row['missing']:.1%}",
                "" if share.startswith("nan") else share,
                rare_text(row),
                "" if row["verdict"] == "ok" else row["verdict"],
            ]
        )
    headings = ["attribute", "labelled", "missing", "classes", "rarest class", "verdict"]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        "  ".join(
            f"{cell:>{width}}" if 0 < i < 3 else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [headings, *rows]
    ]
    return "\n".join(lines)


def _classes(row: pd.Series) -> str:
    """How many classes an attribute has, and how many of them are rare."""
    rare = f", {row['rare']} rare" if row["rare"] else ""
    return f"{row['n_classes']} classes{rare}"


def rare_text(row: pd.Series) -> str:
    """The rarest class of an attribute with its count.

    Examples
    --------
    >>> rare_text(pd.Series({"rarest": "boat", "rarest_labelled": 3}))
    'boat: 3'
    """
    return f"{cut(str(row['rarest']), 20)}: {row['rarest_labelled']:,}"


def _hole_lines(report: "AuditReport") -> list[str]:
    """Holes of categories that are large enough to be ruled out."""
    holes = report.holes[report.holes["ruled_out"].astype(bool)]
    if not len(holes):
        return []
    lines = ["", "no labelled cell, so that a fitted classifier predicts nothing there:"]
    for category, part in list(holes.groupby("category", sort=False))[: 2 * N_SHOWN]:
        names = ", ".join(map(str, part["attribute"].head(8)))
        more = f", ... ({len(part)})" if len(part) > 8 else ""
        lines.append(f"  {category} ({part['rows'].iloc[0]:,} rows): {names}{more}")
    if (n_more := holes["category"].nunique() - 2 * N_SHOWN) > 0:
        lines.append(f"  ... and {n_more} more categories: see .holes")
    return lines
