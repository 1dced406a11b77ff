"""Who may import whom: from the door down to the checks, never back up."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "attrlearn"

# A module imports modules of its own floor's room or of floors below. What stands on one floor
# does not import each other, but for the members of one room.
FLOORS = [
    {"cli"},
    {"app", "search"},
    {"callbacks", "classifier", "embedder"},
    {"prediction", "pickling", "plots"},
    {"inspection"},
    {"training"},
    {"features", "datasets"},
    {"images", "nn", "labels"},
    {"decisions", "metrics", "model_selection", "remote"},
    {"checks"},
    {"exceptions", "forks", "_version"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Rooms that know nothing of torch, so that metrics and splitters import quickly.
WITHOUT_TORCH = {
    "checks",
    "datasets",
    "decisions",
    "exceptions",
    "labels",
    "metrics",
    "model_selection",
    "remote",
}
# Rooms that know nothing of the estimators of scikit-learn.
WITHOUT_ESTIMATORS = {"features", "images", "labels", "nn", "remote"}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path):
    """The folder, or the module itself, at the top level of the package."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path):
    """Names of all modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively, which the rules do not see"
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    room = room_of(path)
    for name in imported(path):
        assert name != "attrlearn" or room == "cli", f"{room} imports the public face"
        parts = name.split(".")
        if parts[0] == "attrlearn" and len(parts) > 1 and parts[1] != room:
            assert FLOOR[room] < FLOOR[parts[1]], f"{room} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_know_only_what_they_need(path):
    room, modules = room_of(path), list(imported(path))
    if room in WITHOUT_TORCH:
        assert not [name for name in modules if name.split(".")[0] in ("torch", "torchvision")]
    if room in WITHOUT_ESTIMATORS:
        assert "sklearn.base" not in modules


def test_private_names_are_not_read_across_modules():
    foreign = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("attrlearn."):
                names = [a.name for a in node.names if a.name[0] == "_" and a.name[1] != "_"]
                foreign += [f"{path.name}: {node.module}.{name}" for name in names]
    assert foreign == []


def test_no_two_files_of_a_name_stand_for_different_things():
    # A command is called like what it is about.
    files = [path for path in FILES if path.name != "__init__.py" and room_of(path) != "cli"]
    names = [path.name for path in files]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
