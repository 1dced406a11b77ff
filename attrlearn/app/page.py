"""The page: a script that Streamlit runs from top to bottom whenever something changes.

What comes and goes has a container of its own, so that what follows keeps its place, by which the
browser knows it again: else an open expander would close.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from matplotlib.figure import Figure
from streamlit.runtime.uploaded_file_manager import UploadedFile

from attrlearn.app import launch
from attrlearn.app.choices import choices, matches
from attrlearn.app.looks import SIDE, Look, explain_looks, look_at
from attrlearn.app.markup import STYLE, attribute_bars, facts_list, plain
from attrlearn.app.model_card import attribute_table, model_facts, model_thresholds
from attrlearn.classifier import AttributeClassifier
from attrlearn.decisions.prediction_table import decide
from attrlearn.labels.image_lookup import IMAGE_SUFFIXES
from attrlearn.plots import LossCurveDisplay

CHUNK = 16  # images that are predicted before the progress is shown
CARDS = 24  # images on the page before the user asks for more


def main() -> None:
    """Show the page."""
    assert launch.served is not None
    clf, name = launch.served
    st.set_page_config("attrlearn", layout="wide")
    st.html(STYLE)
    with st.sidebar:
        show_model(clf, name)
    st.header("Attributes of images")
    uploads = take_images()
    category = choose_category(clf)
    thresholds = choose_thresholds(model_thresholds(clf))
    if uploads:
        looks = predict(clf, uploads, category)
        show_results(clf, uploads, looks, category, thresholds)


def show_model(clf: AttributeClassifier, name: str) -> None:
    """Show what the model is and how it learnt."""
    st.subheader(plain(name))
    st.html(facts_list(model_facts(clf)))
    st.dataframe(attribute_table(clf), hide_index=True)
    st.image(draw_loss_curve(clf))


@st.cache_data(show_spinner=False, hash_funcs={AttributeClassifier: id})
def draw_loss_curve(clf: AttributeClassifier) -> bytes:
    """The loss curve as PNG, drawn once."""
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    LossCurveDisplay.from_estimator(clf, ax=figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150)
    return file.getvalue()


def take_images() -> list[UploadedFile]:
    """Take images by upload and by camera."""
    label = f"Images, up to {st.get_option('server.maxUploadSize')} MB each"
    uploads = st.file_uploader(label, sorted(IMAGE_SUFFIXES), accept_multiple_files=True)
    with st.container():
        photo = st.camera_input("Photo") if st.toggle("Camera") else None
    return [*uploads, photo] if photo else uploads


def choose_category(clf: AttributeClassifier) -> Any:
    """Choose the category of the images; None: unknown."""
    if not len(clf.categories_):
        return None
    return st.selectbox(
        "Category of the images",
        [None, *clf.categories_],
        format_func=lambda category: "unknown" if category is None else str(category),
    )


def choose_thresholds(default: Mapping[Any, float]) -> dict[Any, float]:
    """Choose the threshold of each binary attribute, of all at once or one by one."""
    if not default:
        return {}
    state, common = st.session_state, "threshold of all"
    keys = {name: f"threshold {name}" for name in default}
    start = {keys[name]: float(np.nan_to_num(value, nan=0.5)) for name, value in default.items()}
    start[common] = 0.5 if len(set(start.values())) > 1 else next(iter(start.values()))
    for key, value in start.items():
        state.setdefault(key, value)

    def set_all() -> None:
        state.update(dict.fromkeys(keys.values(), state[common]))

    st.slider("Threshold of all attributes", 0.0, 1.0, key=common, on_change=set_all)
    chosen = {}
    with st.expander("One threshold per attribute"):
        with st.container(horizontal=True):
            for name, value in default.items():
                with st.container(width=SIDE):
                    left_open = np.isnan(value) and not st.checkbox(f"Decide on {plain(name)}")
                    threshold = st.slider(plain(name), 0.0, 1.0, key=keys[name], disabled=left_open)
                    chosen[name] = np.nan if left_open else threshold
        st.button("Reset to those of the model", on_click=state.update, args=(start,))
    return chosen


def predict(clf: AttributeClassifier, uploads: Sequence[UploadedFile], category: Any) -> list[Look]:
    """Predict what has not been predicted before; the rest is remembered while it is uploaded."""
    known: dict[tuple[str, Any], Look] = st.session_state.setdefault("looks", {})
    here = {upload.file_id for upload in uploads}
    for key in [key for key in known if key[0] not in here]:
        del known[key]
    new = [upload for upload in uploads if (upload.file_id, category) not in known]
    bar = st.empty()
    for start in range(0, len(new), CHUNK):
        bar.progress(start / len(new), f"Predicting {len(new)} images")
        part = new[start : start + CHUNK]
        looks = look_at(clf, [upload.getvalue() for upload in part], category)
        known.update(zip([(upload.file_id, category) for upload in part], looks, strict=True))
    bar.empty()
    return [known[upload.file_id, category] for upload in uploads]


def show_results(
    clf: AttributeClassifier,
    uploads: Sequence[UploadedFile],
    looks: Sequence[Look],
    category: Any,
    thresholds: Mapping[Any, float],
) -> None:
    """Show the images that are wanted, and the table of them."""
    table = decide(pd.DataFrame([look.row for look in looks]), thresholds)
    reasons = [
        f"Could not read {plain(upload.name)}: {plain(look.row['image_error'])}. Upload another."
        for upload, look in zip(uploads, looks, strict=True)
        if look.thumbnail is None
    ]
    with st.container():
        if reasons:
            st.error("\n\n".join(reasons))
    wanted = st.multiselect("Show only images with", choices(clf), format_func=str)
    matching = matches(table, wanted)
    mapped = choose_heat_map(clf)
    cards = [
        (upload, look.thumbnail, row)
        for upload, look, row, matched in zip(
            uploads, looks, table.to_dict("records"), matching, strict=True
        )
        if matched and look.thumbnail is not None
    ]
    st.caption(f"{len(cards)} of {len(uploads)} images shown")
    n_shown = CARDS * st.session_state.setdefault("pages", 1)
    drawn = draw_heat_maps(clf, [card[0] for card in cards[:n_shown]], mapped, category)
    shown = [
        (upload.name, drawn.get(upload.file_id, thumbnail), row)
        for upload, thumbnail, row in cards[:n_shown]
    ]
    show_cards(shown, thresholds, more=len(cards) > n_shown)
    table.insert(0, "image", [upload.name for upload in uploads])
    if len(clf.categories_):
        table.insert(1, "category", category)
    show_table(table[matching])


def choose_heat_map(clf: AttributeClassifier) -> Any:
    """Choose the attribute of which to draw heat maps; None: of none."""
    return st.selectbox(
        "Heat map of",
        [None, *clf.attribute_names_],
        format_func=lambda name: "nothing" if name is None else str(name),
        help="Where the evidence for the attribute, or for its predicted class, is in each image.",
    )


def draw_heat_maps(
    clf: AttributeClassifier, uploads: Sequence[UploadedFile], attribute: Any, category: Any
) -> dict[str, bytes]:
    """Images with the heat map of an attribute, by their upload; what was drawn is remembered."""
    known: dict[tuple[str, Any, Any], bytes] = st.session_state.setdefault("heat maps", {})
    here = {key[0] for key in st.session_state["looks"]}
    for key in [key for key in known if key[0] not in here]:
        del known[key]
    if attribute is None:
        return {}
    new = [upload for upload in uploads if (upload.file_id, attribute, category) not in known]
    bar = st.empty()
    for start in range(0, len(new), CHUNK):
        bar.progress(start / len(new), f"Drawing {len(new)} heat maps")
        part = new[start : start + CHUNK]
        drawn = explain_looks(clf, [upload.getvalue() for upload in part], attribute, category)
        keys = [(upload.file_id, attribute, category) for upload in part]
        known.update(zip(keys, drawn, strict=True))
    bar.empty()
    return {upload.file_id: known[upload.file_id, attribute, category] for upload in uploads}


def show_cards(
    cards: Sequence[tuple[str, bytes, Mapping[Any, Any]]],
    thresholds: Mapping[Any, float],
    *,
    more: bool,
) -> None:
    """Show images, each with its name and its attributes, and whether there are more."""
    with st.container(horizontal=True):
        for name, picture, row in cards:
            with st.container(border=True, width=SIDE + 34):  # with border and padding
                st.image(picture, width=SIDE)
                st.html(attribute_bars(name, row, thresholds))
    if more:
        next_page = {"pages": st.session_state["pages"] + 1}
        st.button("Show more", on_click=st.session_state.update, args=(next_page,))


def show_table(table: pd.DataFrame) -> None:
    """Show the predictions as a table, to download as ``attrlearn predict --out`` writes it."""
    bar = st.column_config.ProgressColumn(format="%.2f", max_value=1.0, color="blue")
    config = {name: bar for name in map(str, table) if name.endswith("_proba")}
    st.dataframe(table, hide_index=True, column_config=config)
    csv = table.to_csv(index=False)
    st.download_button("Download as CSV", csv, "predictions.csv", "text/csv", on_click="ignore")


main()
