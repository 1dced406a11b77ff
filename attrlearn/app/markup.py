"""Names that users gave, as text of the page, and the bars of an image."""

import html
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["STYLE", "attribute_bars", "facts_list", "plain"]

STYLE = """<style>
.attrlearn-name {font-size: .875rem; font-weight: 600; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap}
.attrlearn-bars {font-size: .875rem; max-height: 24rem; overflow-y: auto; padding-bottom: .2rem}
.attrlearn-bars > div {margin-top: .3rem; opacity: .65}
.attrlearn-bars > .there {opacity: 1; font-weight: 600}
.attrlearn-bars .text {display: flex; justify-content: space-between; gap: .5rem}
.attrlearn-bars .text span:first-child {overflow-wrap: anywhere}
.attrlearn-bars .bar {position: relative; height: .4rem; border-radius: .2rem;
  background: rgba(128, 128, 128, .25)}
.attrlearn-bars .fill {height: 100%; border-radius: inherit; background: rgba(128, 128, 128, .8)}
.attrlearn-bars .there .fill {background: #1c83e1}
.attrlearn-bars .mark {position: absolute; top: -.15rem; height: .7rem; width: 2px;
  background: currentColor}
dl.attrlearn-facts, dl.attrlearn-facts dt, dl.attrlearn-facts dd {margin: 0; padding: 0}
dl.attrlearn-facts dt {font-size: .75rem; opacity: .7}
dl.attrlearn-facts dd {font-size: .875rem; margin-bottom: .3rem; overflow-wrap: anywhere}
</style>"""


def plain(text: object) -> str:
    r"""Return Markdown that shows a text as it is.

    Examples
    --------
    >>> print(plain("a_b*c*.jpg"))
    a\_b\*c\*\.jpg
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(str(text).split()))


def facts_list(facts: Mapping[str, str]) -> str:
    """Return facts by their names as HTML."""
    items = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in facts.items()
    )
    return f'<dl class="attrlearn-facts">{items}</dl>'


def attribute_bars(name: str, row: Mapping[str, Any], thresholds: Mapping[Any, float]) -> str:
    """Return the name of an image and what is predicted of it as HTML.

    Parameters
    ----------
    name : str
    row : mapping
        Its row of a table of predictions.
    thresholds : mapping of binary attribute to float
        Marked on the bars. NaN: none.

    Returns
    -------
    str
        One bar per attribute, as long as its probability; what is there is emphasised.
    """
    attributes = [key for key in row if f"{key}_proba" in row]
    bars = "".join(
        _bar(key, row[key], row[f"{key}_proba"], thresholds.get(key)) for key in attributes
    )
    name = html.escape(name)
    return (
        f'<div class="attrlearn-name" title="{name}">{name}</div>'
        f'<div class="attrlearn-bars">{bars}</div>'
    )


def _bar(attribute: Any, value: Any, probability: float, threshold: float | None) -> str:
    """One attribute: `threshold` None if it is categorical."""
    label = html.escape(str(attribute))
    if np.isnan(probability):
        return f'<div><div class="text"><span>{label}</span><span>does not apply</span></div></div>'
    number, mark = f"{probability:.2f}", ""
    if threshold is None:
        label = f"{label}: {html.escape(str(value))}"
    elif np.isnan(threshold):
        number = f"undecided {number}"
    else:
        left = f"calc({threshold:.1%} - {2 * threshold:.1f}px)"  # it is 2 px wide
        mark = f'<div class="mark" style="left: {left}"></div>'
    there = threshold is None or (not pd.isna(value) and value == 1)
    return (
        f'<div class="{"there" if there else "not"}">'
        f'<div class="text"><span>{label}</span><span>{number}</span></div>'
        f'<div class="bar"><div class="fill" style="width: {probability:.1%}"></div>{mark}</div>'
        "</div>"
    )
