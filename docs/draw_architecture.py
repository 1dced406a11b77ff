"""Draw the rooms of a package and what they import, read from its source.

A room is a subpackage or a module of the package's top folder. It stands above all that it imports,
so that arrows point down. Left out are the arrows that others imply, and those to the ground floor:
the rooms that several others import and that import none. Run it alone with::

    python docs/draw_architecture.py attrlearn architecture.svg
"""

import ast
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

BOX_WIDTH, BOX_HEIGHT = 1.55, 0.5
FLOOR_HEIGHT, SPACING, LANE = 1.0, 1.8, 0.35
COLOURS = {  # by what a room imports, the first that applies
    "torch": ("#fbe3d0", "#c8641b", "uses torch"),
    "sklearn": ("#d9e8f6", "#2f6ea5", "uses scikit-learn, not torch"),
    "": ("#ececec", "#6b6b6b", "uses neither"),
}

Node = str | tuple[str, str, int]  # a room, or where an arrow between two passes a floor


@dataclass
class Room:
    """A subpackage or module at the top of the package."""

    name: str
    n_lines: int = 0
    imports: set[str] = field(default_factory=set)  # other rooms
    libraries: set[str] = field(default_factory=set)  # top-level names of other packages

    @property
    def library(self) -> str:
        """The first of the libraries in `COLOURS` that the room imports; '' if none."""
        return next((name for name in COLOURS if name in self.libraries), "")


def read_rooms(package: Path) -> dict[str, Room]:
    """Return the rooms of a package by name, from the imports in its files."""
    public = _public_homes(package)
    rooms: dict[str, Room] = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        if parts == ("__init__",):  # the public face imports everything, on first use
            continue
        source = file.read_text(encoding="utf-8")
        room = rooms.setdefault(parts[0], Room(parts[0]))
        room.n_lines += len(source.splitlines())
        for module, name in _imported(ast.parse(source).body):
            first, *inner = module.split(".")
            if first != package.name:
                room.libraries.add(first)
            elif inner:
                room.imports.add(inner[0])
            elif name in public:
                room.imports.add(public[name])
    for room in rooms.values():
        room.imports = (room.imports & set(rooms)) - {room.name}
    return rooms


def _public_homes(package: Path) -> dict[str, str]:
    """The room of each name that the package itself offers, by that name."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.name + ".")
        for alias in node.names
    }


def _imported(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import, inside functions too, but not those for types alone."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.module, alias.name) for alias in node.names)


def reachable(rooms: dict[str, Room], start: str) -> set[str]:
    """Return the names of all rooms that a room imports, also by way of others."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = rooms[ahead.pop()].imports - found
        found |= new
        ahead += new
    return found


def ground(rooms: dict[str, Room]) -> set[str]:
    """Return the rooms that several others import, and that import none."""
    uses = Counter(other for room in rooms.values() for other in room.imports)
    return {name for name, room in rooms.items() if not room.imports and uses[name] > 1}


def floors(rooms: dict[str, Room]) -> dict[str, int]:
    """Return the floor of each room: above what it imports, right under what imports it."""
    below = {name: reachable(rooms, name) for name in rooms}
    cycle = {n: {o for o in below[n] if n in below[o]} | {n} for n in rooms}  # these share a floor
    low = ground(rooms)
    order = sorted(rooms, key=lambda name: len(below[name] | {name}))  # what is imported first
    floor: dict[str, int] = {}
    for name in order:
        lower = set().union(*(rooms[member].imports for member in cycle[name])) - cycle[name]
        floor[name] = max((floor[other] + 1 for other in lower), default=int(name not in low))
    for name in reversed(order):
        above = {o for o in rooms if rooms[o].imports & cycle[name]} - cycle[name]
        if above and name not in low:
            floor[name] = max(floor[name], min(floor[other] for other in above) - 1)
    return floor


def arrows(rooms: dict[str, Room]) -> list[tuple[str, str]]:
    """Return the imports that no other import implies."""
    below = {name: reachable(rooms, name) for name in rooms}
    return [
        (name, other)
        for name, room in sorted(rooms.items())
        for other in sorted(room.imports)
        if not any(
            other in below[third]
            and third not in below[other]  # of a cycle no arrow implies another
            and name not in below[third]
            for third in room.imports - {other}
        )
    ]


def _route(drawn: list[tuple[str, str]], floor: dict[Node, int]) -> list[list[Node]]:
    """The nodes of each arrow, with one more, added to `floor`, on each floor that it passes."""
    routes = []
    for name, other in drawn:
        inner: list[Node] = [(name, other, f) for f in range(floor[name] - 1, floor[other], -1)]
        floor |= {node: node[2] for node in inner}
        routes.append([name, *inner, other])
    return routes


def _places(routes: list[list[Node]], floor: dict[Node, int]) -> dict[Node, float]:
    """The middle of each node from left to right, near those that arrows tie it to."""
    tied: dict[Node, list[Node]] = {node: [] for node in floor}
    for route in routes:
        for node, following in pairwise(route):
            tied[node].append(following)
            tied[following].append(node)
    rows = [[n for n in floor if floor[n] == f] for f in range(max(floor.values()) + 1)]
    x: dict[Node, float] = {}
    for row in rows:
        x |= _spread(row)
    best, least = x, math.inf
    for _ in range(60):
        for row in (*rows, *reversed(rows)):
            middle = {n: sum(x[o] for o in tied[n]) / len(tied[n]) if tied[n] else 0 for n in row}
            row.sort(key=lambda n: (middle[n], str(n)))
            x = x | _spread(row)
        length = sum(abs(x[a] - x[b]) for route in routes for a, b in pairwise(route))
        if length < least:
            best, least = x, length
    return best


def _spread(row: list[Node]) -> dict[Node, float]:
    """The middles of the nodes of one floor, side by side around 0."""
    widths = [SPACING if isinstance(node, str) else LANE for node in row]
    left = -sum(widths) / 2
    return {n: left + sum(widths[:i]) + widths[i] / 2 for i, n in enumerate(row)}


def draw(package: Path, out: Path) -> None:
    """Write the figure of a package's rooms."""
    rooms = read_rooms(package)
    low = ground(rooms)
    floor: dict[Node, int] = dict(floors(rooms))
    routes = _route([(a, b) for a, b in arrows(rooms) if b not in low], floor)
    x = _places(routes, floor)
    edge = (max(x.values()) - min(x.values()) + SPACING) / 2
    top = max(floor.values()) * FLOOR_HEIGHT + FLOOR_HEIGHT / 2
    figure = Figure(figsize=(2 * edge, top + FLOOR_HEIGHT / 2 + 0.5))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-edge, edge), ylim=(-FLOOR_HEIGHT / 2, top + 0.5))
    ax.set_axis_off()
    for level in range(0, max(floor.values()) + 1, 2):
        middle = level * FLOOR_HEIGHT
        ax.axhspan(middle - FLOOR_HEIGHT / 2, middle + FLOOR_HEIGHT / 2, color="#f6f6f6")
    for route in routes:
        _draw_arrow(ax, [(x[node], floor[node] * FLOOR_HEIGHT) for node in route])
    for room in rooms.values():
        _draw_room(ax, room, x[room.name], floor[room.name] * FLOOR_HEIGHT)
    for i, (face, line, text) in enumerate(COLOURS.values()):
        box = {"boxstyle": "round,pad=0.3", "facecolor": face, "edgecolor": line}
        ax.text(0.2 - edge + i * 2.4, top + 0.25, text, fontsize=9, va="center", bbox=box)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, facecolor="white")


def _draw_arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    """An arrow from box to box through the free lanes between; red within a floor: a cycle."""
    (x, y), *inner, (x_end, y_end) = points
    level = y == y_end
    half = 0 if level else BOX_HEIGHT / 2
    path = [(x, y - half)]
    for across, up in inner:  # straight down past the boxes of a floor
        path += [(across, up + half), (across, up - half)]
    colour = "#c02020" if level else "#8a8a8a"
    ax.plot(*zip(*path, strict=True), color=colour, linewidth=1.1, zorder=1)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (x_end, y_end + half), path[-1], arrowprops=style, zorder=1)


def _draw_room(ax: Axes, room: Room, x: float, y: float) -> None:
    """The box of a room."""
    face, edge, _ = COLOURS[room.library]
    corner = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
    style = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": face, "edgecolor": edge}
    ax.add_patch(FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, zorder=2, **style))
    centred = {"ha": "center", "va": "center", "zorder": 3}
    ax.text(x, y + 0.08, room.name, fontsize=11, **centred)
    ax.text(x, y - 0.14, f"{room.n_lines:,} lines", fontsize=8, **centred)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
