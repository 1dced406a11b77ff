"""A synthetic set of labelled images: garments with gaps, rare attributes and categories."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from attrlearn.datasets.garments import CATEGORIES, PATTERNS, PREVALENCES, draw_garment

__all__ = ["make_attribute_images"]

_SEED = "attrlearn-seed"  # key of the seed in an image


def make_attribute_images(
    n: int,
    folder: str | Path,
    *,
    size: int = 64,
    missing_rate: float = 0.2,
    random_state: int | np.random.Generator | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a learnable set of garments with categories, a rare attribute and gaps.

    A garment is a shirt, a dress or a pair of trousers. Its attributes show in shape and texture;
    place, scale, tilt, colours, background, light and noise vary, so that counting colours tells
    little about them.

    ================ ======================================== =======================
    attribute        shows as                                 share of the images
    ================ ======================================== =======================
    ``long``         a low hem                                0.50
    ``long_sleeves`` sleeves to the wrist (not for trousers)  0.60 of those with any
    ``buttons``      a row of buttons down the front          0.35
    ``pockets``      a pair of patch pockets                  0.25
    ``border``       a white band along the hem               0.15
    ``logo``         a round badge with a star                0.05
    ``pattern``      plain, striped, dotted or colour_block   0.35, 0.25, 0.25, 0.15
    ================ ======================================== =======================

    Parameters
    ----------
    n : int
        Number of images, at least 1.
    folder : str or path
        Where the images ``image_00000.png``, ... and the table ``labels.csv`` go. It is created,
        or must be empty, so that two sets never mix; or it holds what a call with the same
        arguments drew: then nothing changes, and what is missing of it is drawn again.
    size : int, default=64
        Width and height of an image in pixels, at least 16. Below 48 small details blur.
    missing_rate : float, default=0.2
        Probability, from 0 to below 1, with which a cell of `y` is missing, whatever its value.
        Trousers lack ``long_sleeves`` in any case.
    random_state : int, Generator or None, default=None
        The same int gives the same files and tables. None draws a seed, which the images note,
        so that another call with None finds them again.

    Returns
    -------
    X : DataFrame of shape (n, 2)
        ``image``, the path of the image, and ``category``, both text.
    y : DataFrame of shape (n, 7)
        Six binary attributes (float: 0, 1 or NaN) and ``pattern`` (pandas ``category`` with four
        classes). ``labels.csv`` holds the file names, the categories and the same cells.

    Raises
    ------
    TypeError
        If `n` or `size` is not an int, or `missing_rate` not a number.
    ValueError
        If one of them is out of its range.
    FileExistsError
        If `folder` holds anything else, or an image or ``labels.csv`` that is not what these
        arguments draw, or is a file. Nothing in it is changed then.

    Notes
    -----
    Each image shows an attribute with the probability above, but not independently of the others:
    the draws are stratified, so that n images contain n times that share, rounded up or down
    (``long_sleeves``: counted before trousers lose it). A logo is thus drawn at least once from
    n = 20 on. The gaps do not look at the values and may still hide it: with the default rate no
    labelled logo is left with probability 0.04 at n = 40 and 0.0003 at n = 100.

    `missing_rate` changes no image, and a lower one only fills gaps.

    ``labels.csv`` is written last, and each file as a whole: a call that is interrupted leaves a
    folder that the next one completes.

    Examples
    --------
    >>> import tempfile
    >>> from attrlearn.datasets import make_attribute_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     X, y = make_attribute_images(40, folder, missing_rate=0, random_state=0)
    >>> X["category"].nunique(), int(y["logo"].sum())
    (3, 2)
    """
    _check(n, size, missing_rate)
    folder = Path(folder)
    note = PngInfo()
    if random_state is None:
        random_state = _noted_seed(folder)
        note.add_text(_SEED, str(random_state))
    rng = np.random.default_rng(random_state)
    category, truth = _draw_labels(n, rng)
    y = truth.mask(rng.random(truth.shape) < missing_rate)
    names = [f"image_{i:05d}.png" for i in range(n)]
    table = y.astype(dict.fromkeys(PREVALENCES, "Int64"))  # writes 1, not 1.0
    table.insert(0, "image", names)
    table.insert(1, "category", category)
    labels = table.to_csv(index=False, lineterminator="\n")

    def draw(rng: np.random.Generator) -> Iterator[tuple[Path, Image.Image]]:
        """Yield the path and the image of each row."""
        for name, kind, row in zip(names, category, truth.to_dict("records"), strict=True):
            yield folder / name, draw_garment(kind, row, size, rng)

    _check_folder(folder, names, labels)
    again = deepcopy(rng)
    if any((folder / name).exists() for name in names):
        _check_images(draw(rng))
        rng = again
    if not all((folder / name).exists() for name in names):
        folder.mkdir(parents=True, exist_ok=True)
        for path, image in draw(rng):
            if not path.exists():
                with _whole_file(path) as file:
                    image.save(file, "PNG", pnginfo=note)
    if not (folder / "labels.csv").exists():
        with _whole_file(folder / "labels.csv") as file:
            file.write_text(labels, encoding="utf-8")
    X = pd.DataFrame({"image": [str(folder / name) for name in names], "category": category})
    return X, y


def _check(n: int, size: int, missing_rate: float) -> None:
    """Raise if an argument has a wrong type or lies outside its range."""
    for name, value, least in (("n", n, 1), ("size", size, 16)):
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise TypeError(f"{name} must be an int. Got {value!r}. Pass a whole number.")
        if value < least:
            raise ValueError(f"{name} must be at least {least}. Got {value}. Pass a larger one.")
    if not isinstance(missing_rate, Real):
        raise TypeError(f"missing_rate must be a number. Got {missing_rate!r}. Pass one like 0.2.")
    if not 0 <= missing_rate < 1:
        raise ValueError(
            f"missing_rate must be from 0 to below 1. Got {missing_rate}. Pass one like 0.2."
        )


def _noted_seed(folder: Path) -> int:
    """The seed that the images in a folder note, else a new one."""
    for path in folder.glob("image_*.png"):
        try:
            with Image.open(path) as image:
                return int(image.info[_SEED])
        except (OSError, KeyError, ValueError):
            break
    return int(np.random.SeedSequence().generate_state(1)[0])


def _check_folder(folder: Path, names: list[str], labels: str) -> None:
    """Raise if a folder holds another set, or anything else, by what its table or its names say."""
    if not folder.is_dir():
        if folder.exists():
            raise FileExistsError(
                f"folder must be a folder. Got the file '{folder}'. Name another."
            )
        return
    table = folder / "labels.csv"
    if table.exists():
        if table.read_bytes().replace(b"\r\n", b"\n") != labels.encode():
            raise _foreign(table)
        return
    unfinished = [_unfinished(folder / name).name for name in (*names, table.name)]
    for path in folder.iterdir():
        if path.name not in names and path.name not in unfinished:
            raise _foreign(path)


def _check_images(drawn: Iterator[tuple[Path, Image.Image]]) -> None:
    """Raise if a file is there that does not show what is drawn."""
    for path, image in drawn:
        if path.exists():
            try:
                with Image.open(path) as found:
                    same = np.array_equal(np.asarray(found), np.asarray(image))
            except Exception:  # damaged files make Pillow's decoders raise nearly anything
                same = False
            if not same:
                raise _foreign(path)


def _foreign(path: Path) -> FileExistsError:
    """The error of a file that these arguments do not draw."""
    return FileExistsError(
        f"folder must be new or empty. Got '{path.parent}', where {path.name!r} is not what these "
        "arguments draw. Name another one, empty this one, or pass the arguments of its set."
    )


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """Yield another name beside a file, which becomes the file if the block succeeds."""
    unfinished = _unfinished(path)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    """The name of a file as long as it is written."""
    return path.with_name(f".{path.name}.part")


def _draw_labels(n: int, rng: np.random.Generator) -> tuple[list[str], pd.DataFrame]:
    """Category and attributes of n garments, missing only where an attribute does not apply."""

    def spread() -> np.ndarray:
        """Uniform numbers (n,) in random order, one from each n-th of [0, 1)."""
        return (rng.permutation(n) + rng.random(n)) / n

    category = [CATEGORIES[int(u * len(CATEGORIES))] for u in spread()]
    truth = pd.DataFrame({name: 1.0 * (spread() < p) for name, p in PREVALENCES.items()})
    truth.loc[[kind == "trousers" for kind in category], "long_sleeves"] = np.nan
    bounds = np.cumsum(list(PATTERNS.values()))[:-1]
    patterns = np.array(list(PATTERNS))[np.searchsorted(bounds, spread(), side="right")]
    truth["pattern"] = pd.Categorical(patterns, categories=list(PATTERNS))
    return category, truth
