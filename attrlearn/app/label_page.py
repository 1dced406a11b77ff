"""The page of ``attrlearn label``: a script that Streamlit runs whenever something changes.

The questions that are shown stay until they are answered or others are asked for, whatever the
model learns meanwhile: nothing moves under the hand of who answers.
"""

import hashlib
import secrets
from collections import Counter
from typing import Any

import streamlit as st

from attrlearn.app import label_grid, launch
from attrlearn.app.label_session import LabelSession, LabelTask
from attrlearn.app.markup import plain
from attrlearn.app.questions import KINDS, Question
from attrlearn.labels.shared_file import Conflict

GRID = "grid"  # key of the component
SIZES = (12, 18, 24)
ANY = "most useful first"

STYLE = """<style>
[data-testid=stMainBlockContainer] {padding: 2.2rem 2rem 0}
.attrlearn-keys {font-size: .8rem; line-height: 1.7}
.attrlearn-keys kbd {font-size: .75rem; font-weight: 600; padding: .05rem .3rem;
  border-radius: .25rem; background: rgba(128, 128, 128, .2); color: inherit}
</style>"""

KEYS = """<div class="attrlearn-keys">
<kbd>y</kbd> yes, <kbd>n</kbd> no, <kbd>1</kbd> to <kbd>9</kbd> class<br>
<kbd>s</kbd> or <kbd>space</kbd> skip, <kbd>x</kbd> cannot be told<br>
<kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>backspace</kbd> take back<br>
<kbd>z</kbd> enlarge, <kbd>enter</kbd> save the page</div>"""


def main() -> None:
    """Show the page."""
    assert launch.labelled is not None
    task = launch.labelled
    state = st.session_state
    if "session" not in state:
        state["session"] = LabelSession(task)
        state.update({"shown": None, "handled": [], "reply": 0, "error": None, "message": None})
    st.set_page_config(f"label {task.labels.path.name}", layout="wide")
    st.html(STYLE)
    with st.sidebar:
        settings = choose(task)
    try:
        questions = questions_to_show(state["session"], settings)
    except (ValueError, OSError) as error:
        st.error(plain(error))
        st.button("Read the file again")
        return
    with st.sidebar:
        show_state(state["session"])
    show_messages(state["session"])
    show_questions(task, questions, settings)


def choose(task: LabelTask) -> dict[str, Any]:
    """Choose what is asked for, and how it is shown."""
    st.subheader(plain(task.labels.path.name))
    chosen = task.attributes[0]
    if len(task.attributes) > 1:
        open_cells: Counter[str] = Counter(st.session_state.get("open", {}))

        def describe(name: str) -> str:
            return name if name == ANY else f"{name} ({open_cells[name]:,} open)"

        chosen = st.selectbox("Attribute", [ANY, *task.attributes], format_func=describe)
    kinds = [kind for kind in KINDS if kind != "doubtful" or task.learner is not None]
    wanted = st.pills("Ask for", kinds, selection_mode="multi", default=kinds[:2], key="kinds")
    size = st.segmented_control("Images on a page", SIZES, default=SIZES[1], required=True)
    suggested = False
    if task.learner is not None:
        suggested = st.toggle("Start from the suggestions", help=_HELP_SUGGESTIONS)
    full = st.toggle("Save a full page without Enter", help=_HELP_FULL)
    return {
        "attribute": None if chosen == ANY else chosen,
        "kinds": tuple(wanted),
        "size": size,
        "from_suggestions": suggested,
        "save_when_full": full,
    }


_HELP_SUGGESTIONS = (
    "Every image starts with the answer of the model, and you correct it. Faster, but people tend "
    "to agree with what is already there: off unless you turn it on."
)
_HELP_FULL = "The last answer of a page saves it. The button below takes the page back."


def questions_to_show(session: LabelSession, settings: dict[str, Any]) -> list[Question]:
    """Return the questions of the page, which stay until they are answered."""
    state = st.session_state
    task_attributes = session.task.attributes
    asked = {name: settings[name] for name in ("attribute", "kinds", "size")}
    shown = state["shown"]
    if shown is None or shown["is_done"] or shown["asked"] != asked or not shown["questions"]:
        found = session.questions(settings["kinds"])
        state["open"] = found.counts()
        name = settings["attribute"] or found.next_attribute(session.n_pages, 5 * settings["size"])
        soon = found.first(3 * settings["size"], name) if name else []
        label_grid.prepare([question.path for question in soon[settings["size"] :]])
        state["shown"] = {
            "asked": asked,
            "id": secrets.token_hex(4),
            "is_done": False,
            "table": found.table,
            "attribute": name or task_attributes[0],
            "questions": soon[: settings["size"]],
            "n_open": len(found),
            "n_learnt": _n_learnt(session),
        }
        if state.get("drawn_open") != state["open"]:
            state["drawn_open"] = state["open"]
            st.rerun()  # the numbers beside the attributes stand above
    return list(state["shown"]["questions"])


@st.fragment(run_every=2)
def show_learning(session: LabelSession) -> None:
    """Show what the model is doing."""
    progress, shown = session.task.progress, st.session_state["shown"]
    if progress is None:
        return
    if progress.text:
        st.caption(f"Model: {plain(progress.text)}{' …' if progress.is_busy else '.'}")
    if shown and not shown["questions"] and shown["n_learnt"] != progress.n_labelled:
        st.rerun(scope="app")  # there may be something to ask now


def show_state(session: LabelSession) -> None:
    """Show how far this window has come, and take a page back."""
    n_open = st.session_state["shown"]["n_open"]
    n_done = session.n_written
    st.progress(
        n_done / max(1, n_done + n_open),
        f"{n_done:,} cells written, {n_open:,} to decide",
    )
    if session.task.learner is not None:
        show_learning(session)
    st.button("Undo the last page", on_click=undo, disabled=n_done == 0)
    if session.n_skipped:
        st.button(f"Ask again what was skipped ({session.n_skipped})", on_click=ask_again)
    st.html(KEYS)
    if session.task.learner is not None and session.task.learner.unreadable:
        with st.expander("Images that cannot be read"):
            for path, reason in session.task.learner.unreadable.items():
                st.caption(f"{plain(path)}: {plain(reason)}")


def show_messages(session: LabelSession) -> None:
    """Show what went wrong, and what someone else has written."""
    state = st.session_state
    if state["error"]:
        st.error(plain(state["error"]))
    if state["message"]:
        st.info(plain(state["message"]))
    for i, conflict in enumerate(session.conflicts):
        show_conflict(i, conflict)


def show_conflict(i: int, conflict: Conflict) -> None:
    """Show what someone else has written into a cell, and let the user choose."""
    decision, cell = conflict.decision, conflict.decision.cell
    text, first, second = st.columns([6, 1, 1], vertical_alignment="center")
    if conflict.current is None:
        text.warning(plain(str(conflict)))
        first.button("Seen", key=f"seen {i}", on_click=settle, args=(i, False), width="stretch")
        return
    text.warning(
        f"**{plain(cell.image)}, {plain(cell.attribute)}**: someone else wrote "
        f"**{_shown(conflict.current)}** while you decided **{_shown(decision.text)}** "
        f"(before: {_shown(decision.seen)}). Yours was not written."
    )
    for column, verb, value, is_overwritten in (
        (first, "Keep", conflict.current, False),
        (second, "Write", decision.text, True),
    ):
        label = f"{verb} {_shown(value)}"
        arguments = (i, is_overwritten)
        column.button(label, key=f"{verb} {i}", on_click=settle, args=arguments, width="stretch")


def show_questions(task: LabelTask, questions: list[Question], settings: dict[str, Any]) -> None:
    """Show the grid, or that there is nothing to decide."""
    state = st.session_state
    if not questions and not settings["kinds"]:
        st.info("Choose at the side what to ask for.")
    elif not questions:
        st.success(
            "Nothing is left to decide here. Ask for another attribute or kind at the side, or "
            f"train with what you have: attrlearn train {plain(task.labels.path.name)}"
        )
    table, name = state["shown"]["table"], state["shown"]["attribute"]
    data = {
        "store": "attrlearn-label-" + hashlib.sha256(str(task.labels.path).encode()).hexdigest(),
        "page": state["shown"]["id"],
        "reply": f"{state['session'].id}-{state['reply']}",
        "handled": state["handled"],
        "attribute": name,
        "binary": table.is_binary(name),
        "classes": table.classes(name),
        "cards": label_grid.cards(questions),
        "from_suggestions": settings["from_suggestions"],
        "save_when_full": settings["save_when_full"],
    }
    label_grid.show_grid(data, take_answers, GRID)


def take_answers() -> None:
    """Write the answers that the grid hands over."""
    state = st.session_state
    session: LabelSession = state["session"]
    state.update({"error": None, "message": None})
    handed = state[GRID]["answers"]
    if handed is None:
        return
    try:
        outcome = session.save(label_grid.read_answers(handed))
    except (ValueError, OSError) as error:
        state["error"] = str(error)
        return
    state["handled"] = outcome.handled
    session.n_pages[state["shown"]["attribute"]] += 1
    state["reply"] += 1
    ask_anew()
    if outcome.errors:
        state["error"] = "\n".join(outcome.errors)


def undo() -> None:
    """Take the last page of this window back."""
    state = st.session_state
    state.update({"error": None, "message": None})
    ask_anew()
    try:
        n_cells = state["session"].undo()
    except (ValueError, OSError) as error:
        state["error"] = str(error)
        return
    state["message"] = f"{n_cells} cells hold again what they held before."


def settle(i: int, is_overwritten: bool) -> None:
    """Settle a conflict."""
    state = st.session_state
    state.update({"error": None, "message": None})
    ask_anew()
    session: LabelSession = state["session"]
    try:
        session.settle(session.conflicts[i], is_overwritten=is_overwritten)
    except (ValueError, OSError) as error:
        state["error"] = str(error)


def ask_again() -> None:
    """Ask what was skipped."""
    st.session_state["session"].ask_skipped_again()
    ask_anew()


def ask_anew() -> None:
    """Let the page find its questions anew."""
    if st.session_state["shown"] is not None:
        st.session_state["shown"]["is_done"] = True


def _n_learnt(session: LabelSession) -> int:
    """How many labels the model has learnt from."""
    return 0 if session.task.progress is None else session.task.progress.n_labelled


def _shown(text: str) -> str:
    """What a cell holds, as text of the page."""
    return plain(text) if text else "missing"


main()
