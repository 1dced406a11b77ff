"""An audit as one HTML page that needs no other file."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from attrlearn.images.decoding import read_image
from attrlearn.images.encoded import jpeg_url
from attrlearn.inspection.audit_text import counted_findings, short_name, split_odd_sizes

if TYPE_CHECKING:
    from attrlearn.inspection.audit_report import AuditReport

__all__ = ["write_page"]

N_SHOWN = 24  # findings of a kind
THUMBNAIL = 144  # pixels
ADVICE = {
    "missing": "Training stops at these rows. Correct the paths, or leave the rows out: "
    '<code>read_labels(on_missing_image="drop")</code>.',
    "unreadable": 'Replace the files, or pass <code>on_bad_image="drop"</code>.',
    "conflicts": "One image cannot be both. Correct the wrong one; "
    '<code>read_labels(on_duplicate="merge")</code> makes such cells of one file missing.',
    "identical": "Listed twice, or two files of the same bytes. "
    "Keep one row each, or keep them in one fold by the groups.",
    "near_duplicates": "Copies encoded anew, resized, cropped or brightened. In a random split a "
    'model is tested on what it has seen: pass the groups as <code>X["group"]</code>.',
    "wrong_suffix": "They can be read, but other tools may trust the name. Rename them.",
    "one_colour": "They show nothing. Leave the rows out.",
    "odd_sizes": "A backbone sees tiny images much enlarged, narrow ones squashed: try "
    '<code>resize="pad"</code>.',
    "unlabelled": "They teach nothing until they are labelled.",
}
STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5d6b7a;--line:#dfe4ea;--card:#fff;
--page:#f4f6f8;--bad:#b42318;--badbg:#fdecea;--warn:#8a5a00;--warnbg:#fff4dc;
--good:#1b7a43;--bar:#3b78b5}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa7b4;--line:#34404c;
--card:#1d252d;--page:#141a20;--bad:#ff8a80;--badbg:#3d1f1d;--warn:#ffcb6b;--warnbg:#3a2f16;
--good:#7bd99f;--bar:#6aa5dd}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,
-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:18px;margin:0}
p{margin:6px 0 12px;color:var(--soft);max-width:80ch}
code{font:13px ui-monospace,Consolas,monospace;background:var(--page);padding:1px 4px;
border-radius:4px}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(165px,1fr));
gap:10px;margin:20px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:12px 14px;color:inherit;text-decoration:none;display:block}
.tile b{display:block;font-size:24px;line-height:1.2}
.tile span{color:var(--soft);font-size:13px}
.error b{color:var(--bad)}
.warning b{color:var(--warn)}
.none b{color:var(--good)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:18px 20px;margin:16px 0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));
gap:14px}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));
gap:14px}
figure{margin:0;min-width:0}
figure .shots{display:flex;gap:6px;background:#fff;border:1px solid var(--line);
border-radius:8px;padding:6px;justify-content:space-evenly;min-height:100px;align-items:center}
figure img{max-width:47%;height:132px;object-fit:contain}
.grid figure img{max-width:100%}
figcaption{font-size:12.5px;line-height:1.4;margin-top:5px;overflow-wrap:anywhere}
figcaption small{color:var(--soft);font-size:12px;display:block}
.tag{display:inline-block;font-size:12px;border-radius:999px;padding:0 8px;background:var(--warnbg);
color:var(--warn);white-space:nowrap}
.tag.bad{background:var(--badbg);color:var(--bad)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);
vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.n+td,th.n+th{padding-left:14px}
.bar{background:var(--line);border-radius:3px;height:8px;width:110px;display:inline-block;
overflow:hidden;vertical-align:middle}
.bar i{display:block;height:100%;background:var(--bar)}
td.name{overflow-wrap:anywhere;min-width:110px}
.none-shown{font-size:12px;color:#5d6b7a}
.grid .tag{white-space:normal;border-radius:8px}
@media(max-width:600px){main{padding:18px 12px 40px}section{padding:14px 12px}
.tiles{grid-template-columns:1fr 1fr}
.pairs{grid-template-columns:1fr}.grid{grid-template-columns:1fr 1fr}
}
"""


def write_page(report: "AuditReport", title: str) -> str:
    """Write an audit as an HTML document, its images within it.

    Parameters
    ----------
    report : AuditReport
    title : str

    Returns
    -------
    str
        All names are escaped; nothing is fetched by who opens it.
    """
    findings = counted_findings(report)
    rows, cells = len(report.images), report.attributes["missing"].mean()
    missing = (
        f"{rows:,} rows, {len(report.attributes)} attributes, {cells:.1%} of the cells missing"
    )
    parts = [f"<h1>{escape(title)}</h1><p>{missing}</p>", _tiles(findings), _leaks(report)]
    for name, heading, _, count in findings:
        if count and name in ADVICE:
            body = _figures(report, name, getattr(report, name))
            parts.append(
                _section(name, f"{heading[0].upper()}{heading[1:]}: {count:,}", ADVICE[name], body)
            )
    parts += [_attributes(report), _rare_classes(report), _categories(report), _sizes(report)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _tiles(findings: list[tuple[str, str, str, int]]) -> str:
    """The number of findings of every kind."""
    tiles = (
        f'<a class="tile {level if count else "none"}" href="#{name}"><b>{count:,}</b>'
        f"<span>{heading}</span></a>"
        for name, heading, level, count in findings
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _section(name: str, heading: str, advice: str, body: str) -> str:
    """A part of the page; the advice is markup."""
    return f'<section id="{name}"><h2>{heading}</h2><p>{advice}</p>{body}</section>'


def _leaks(report: "AuditReport") -> str:
    """What a random split would do."""
    if report.expected_leaks < 0.5:
        return ""
    share, sizes = report.expected_leaks / len(report.groups), report.groups.value_counts()
    return _section(
        "leaks",
        f"A random split leaks {share:.1%} of the rows",
        f"Of five random folds, {report.expected_leaks:.0f} of {len(report.groups):,} rows are "
        "expected to be tested by a model that has learnt from an identical or nearly identical "
        f"image. {(sizes > 1).sum():,} groups of up to {sizes.max()} rows belong together: "
        '<code>X["group"] = report.groups</code> keeps each on one side.',
        "",
    )


def _figures(report: "AuditReport", name: str, table: pd.DataFrame) -> str:
    """The first findings of a kind with their images."""
    sentences: list[str] = []
    if name == "odd_sizes":
        sentences, table = split_odd_sizes(report)
    shown = table
    if name == "identical":  # some whole sets
        shown = table[table["set"] < N_SHOWN // 2]
    rows = shown.head(N_SHOWN).to_dict("records")
    paired = name in ("conflicts", "near_duplicates")
    figures = "".join(_figure(report, name, row) for row in rows)
    more = len(table) - len(rows)
    note = f"<p>... and {more:,} more in <code>report.{name}</code>.</p>" if more else ""
    said = "".join(f"<p>{escape(text[0].upper() + text[1:])}.</p>" for text in sentences)
    return f'{said}<div class="{"pairs" if paired else "grid"}">{figures}</div>{note}'


def _figure(report: "AuditReport", name: str, row: Mapping[Any, Any]) -> str:
    """One finding: its images, their names, and what is said of them."""
    numbers = [row[key] for key in ("row", "other_row") if key in row]
    shots = "" if name == "missing" else "".join(_image(report.sources[n]) for n in numbers)
    names = [row[key] for key in ("image", "other_image") if key in row]
    lines = "".join(
        f'<small title="{escape(image)}">row {number}: {escape(short_name(image))}</small>'
        for number, image in zip(numbers, names, strict=True)
    )
    frame = f'<div class="shots">{shots}</div>' if shots else ""
    return f"<figure>{frame}<figcaption>{_note(name, row)}{lines}</figcaption></figure>"


def _note(name: str, row: Mapping[Any, Any]) -> str:
    """What is said of a finding, as markup."""
    if name == "conflicts":
        values = f"{row['value']} or {row['other_value']}"
        return f'{escape(str(row["attribute"]))}: <span class="tag bad">{escape(values)}</span>'
    if name == "near_duplicates":
        n = row["disagreements"]
        differ = f' <span class="tag bad">{n} label{"s" * (n > 1)} differ{"s" * (n == 1)}</span>'
        by = " of features" if row["found_by"] == "features" else ""
        return f"distance {row['distance']:.2f}{by}{differ if n else ''}"
    text = {
        "unreadable": lambda: row["reason"],
        "identical": lambda: f"set {row['set']}{', same path' * row['same_path']}",
        "wrong_suffix": lambda: f"holds {row['format']}",
        "odd_sizes": lambda: f"{row['width']} x {row['height']}: {row['finding']}",
    }
    return f'<span class="tag">{escape(text[name]())}</span>' if name in text else ""


def _image(source: Any) -> str:
    """An image as an element that holds it, or words where there is none."""
    try:
        pixels = read_image(source, THUMBNAIL, "pad")
    except Exception:  # the page says why where it says so at all
        return '<span class="none-shown">not readable</span>'
    return f'<img alt="" src="{jpeg_url(pixels, quality=80)}">'


def _table(headings: Iterable[str], rows: Iterable[list[str]], numeric: set[int]) -> str:
    """A table of cells that are markup."""
    kinds = [' class="n"' if i in numeric else "" for i, _ in enumerate(headings)]
    head = "".join(f"<th{kind}>{cell}</th>" for kind, cell in zip(kinds, headings, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _bar(share: float) -> str:
    """A share as a bar."""
    return f'<span class="bar"><i style="width:{100 * share:.1f}%"></i></span>'


def _attributes(report: "AuditReport") -> str:
    """One line per attribute."""
    rows = []
    for name, row in report.attributes.iterrows():
        binary = row["kind"] == "binary"
        classes = f"{row['n_classes']} classes"
        if binary:
            known = not pd.isna(row["prevalence"])
            classes = f"{_bar(row['prevalence'])} {row['prevalence']:.1%}" if known else ""
        bad = row["verdict"] in ("impossible", "one class", "no labels")
        tag = f'<span class="tag{" bad" * bad}">{row["verdict"]}</span>'
        rare = f'<span class="tag">{row["rare"]} rare</span>' if row["rare"] and not binary else ""
        rows.append(
            [
                escape(str(name)),
                f"{row['labelled']:,}",
                f"{row['missing']:.1%}",
                _bar(row["missing"]),
                classes,
                f"{escape(str(row['rarest']))}: {row['rarest_labelled']:,}",
                tag if row["verdict"] != "ok" else rare,
            ]
        )
    headings = (
        "attribute",
        "labelled",
        "missing",
        "",
        "share of 1, or classes",
        "rarest class",
        "",
    )
    advice = (
        "A class with fewer than 10 labelled cells is too few to learn: a fold of five tests no "
        "more than one of them. With fewer than 2 it cannot be both learnt and tested."
    )
    return _section("attributes", "Attributes", advice, _table(headings, rows, {1, 2}))


def _rare_classes(report: "AuditReport") -> str:
    """The classes of categorical attributes that are too rare."""
    kinds = report.classes["attribute"].map(report.attributes["kind"])
    rare = report.classes[(report.classes["verdict"] != "ok") & (kinds == "categorical")]
    if not len(rare):
        return ""
    rows = []
    for name, part in rare.sort_values("labelled", kind="stable").groupby("attribute", sort=False):
        tags = (
            f'<span class="tag{" bad" * (verdict == "impossible")}">'
            f"{escape(str(value))}: {n}</span>"
            for value, n, verdict in zip(
                part["class"], part["labelled"], part["verdict"], strict=True
            )
        )
        rows.append([escape(str(name)), " ".join(tags)])
    advice = "Join such classes with others, label more of them, or make their cells missing."
    heading = f"{len(rare):,} rare classes of categorical attributes"
    return _section("rare", heading, advice, _table(("attribute", "labelled cells"), rows, set()))


def _categories(report: "AuditReport") -> str:
    """The categories, and what is never labelled in each."""
    if not len(report.categories):
        return ""
    rows = []
    for category, row in report.categories.iterrows():
        holes = report.holes[report.holes["category"] == category]
        tags = " ".join(
            f'<span class="tag">{escape(str(name))}</span>' for name in holes["attribute"].head(12)
        )
        more = f" and {len(holes) - 12} more" if len(holes) > 12 else ""
        share = f"{row['labelled']:.1%}"
        rows.append([escape(str(category)), f"{row['rows']:,.0f}", share, f"{tags}{more}"])
    advice = (
        "Where a category of 20 rows or more has no labelled cell of an attribute, a fitted "
        "classifier takes it for one that cannot apply, and predicts nothing there."
    )
    table = _table(("category", "rows", "labelled", "never labelled"), rows, {1, 2})
    return _section("holes", "Categories", advice, table)


def _sizes(report: "AuditReport") -> str:
    """Sizes, formats and modes of the images."""
    sizes = report.sizes
    if sizes["width"].isna().all():
        return ""
    rows = []
    for name, label, shape in (
        ("width", "width, pixels", ",.0f"),
        ("height", "height, pixels", ",.0f"),
        ("aspect_ratio", "width by height", ".2f"),
        ("n_bytes", "file, kB", ",.1f"),
    ):
        if sizes[name].notna().all():
            values = sizes[name] / (1000 if name == "n_bytes" else 1)
            rows.append([label, *(format(value, shape) for value in values)])
    counts = [
        ", ".join(
            f"{escape(str(value))} {n:,}" for value, n in column.dropna().value_counts().items()
        )
        for column in (report.images["format"], report.images["mode"])
    ]
    advice = "; ".join(count for count in counts if count) + "."
    table = _table(("", "minimum", "median", "maximum"), rows, {1, 2, 3})
    return _section("sizes", "Images", advice, table)
