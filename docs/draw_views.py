"""Draw what the augmentation policies make of some garments.

Run it alone with::

    python docs/draw_views.py views.png
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from matplotlib.figure import Figure

from attrlearn import make_attribute_images
from attrlearn.images.augmentation import POLICIES
from attrlearn.images.decoding import read_image
from attrlearn.images.views import draw_views, views_of

N_GARMENTS, N_VIEWS, SIZE = 2, 4, 160


def draw(target: Path) -> None:
    """Draw one row per policy: of each garment the image as it is, then its further views."""
    with TemporaryDirectory() as folder:
        X, _ = make_attribute_images(N_GARMENTS, folder, size=SIZE, random_state=5)
        garments = [torch.from_numpy(read_image(path, SIZE)).permute(2, 0, 1) for path in X.image]
    figure = Figure(figsize=(8, 3.3), layout="constrained", dpi=150)
    axes = figure.subplots(len(POLICIES), N_GARMENTS * N_VIEWS)
    for ax in axes.flat:
        ax.axis("off")
    for row, policy in zip(axes, POLICIES, strict=True):
        row[0].set_title(policy, loc="left")
        views = views_of(policy, 2 if policy == "flip" else N_VIEWS)
        for number, garment in enumerate(garments):
            for ax, view in zip(row[number * N_VIEWS :], draw_views(garment, views), strict=False):
                ax.imshow(view.permute(1, 2, 0))
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
