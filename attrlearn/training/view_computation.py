"""Views of images, computed by all processes of a fit together."""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from attrlearn.features.extractor import FeatureExtractor, rows_at_once
from attrlearn.images.augmentation import Augment, apply_callable
from attrlearn.images.reader import ImageReader, consecutive
from attrlearn.images.views import views_of
from attrlearn.nn.processes import Processes, current_processes
from attrlearn.training.computed_views import Batches

__all__ = ["compute_views", "tell_of_bad_images"]


def compute_views(
    reader: ImageReader,
    extractor: FeatureExtractor,
    policy: Augment,
    n_views: int,
    verbose: int,
) -> Batches:
    """Yield rows that can be read, some at a time, and their features (V, b, D).

    Processes share the images: they compute a part each, and hand it to the others.

    Parameters
    ----------
    reader, extractor, policy, n_views, verbose
        As in `attrlearn.training.sources.open_source`; `n_views` is a number.
    """
    processes = current_processes()
    parts = _deal(reader, extractor.batch_size, processes)
    own = parts[processes.rank :: processes.n]
    if callable(policy):
        batches = _run_callable(reader, extractor, policy, n_views, own, verbose)
    else:
        views = views_of(policy, n_views)
        batches = extractor.batches(reader, views=views, parts=own, verbose=verbose)
    if processes.n == 1:
        return batches
    return _hand_out(batches, len(parts), processes, reader)


def _deal(reader: ImageReader, batch_size: int, processes: Processes) -> list[np.ndarray]:
    """Rows in parts; whole batches each, so that there is one for every process if possible."""
    size = rows_at_once(reader)
    if processes.n > 1:
        size = min(size, ceil(len(reader) / processes.n / batch_size) * batch_size)
    return consecutive(len(reader), size)


def _hand_out(
    batches: Iterator[tuple[np.ndarray, Tensor]],
    n_parts: int,
    processes: Processes,
    reader: ImageReader,
) -> Batches:
    """Yield the parts of all processes in order, and let each know of all bad images."""
    for first in range(0, n_parts, processes.n):
        own = processes.attempt(lambda: next(batches, None))
        for rank in range(min(processes.n, n_parts - first)):
            part = processes.from_rank(own, rank)
            assert part is not None
            yield part
    tell_of_bad_images(reader, processes)


def _run_callable(
    reader: ImageReader,
    extractor: FeatureExtractor,
    transform: Callable[[Tensor], Tensor],
    n_views: int,
    parts: list[np.ndarray],
    verbose: int,
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Yield the rows of each part that can be read, their features and those of their changes.

    Past the cache: what a callable draws from torch's global generator must not depend on it.
    """
    n_images = sum(map(len, parts))
    with tqdm(total=n_images, desc="features", unit="image", disable=not verbose) as progress:
        for part in parts:
            rows = [part[:0]]
            views = [torch.empty(n_views, 0, extractor.backbone.n_features, dtype=extractor.dtype)]
            cuts = range(extractor.batch_size, len(part), extractor.batch_size)
            for some, images in reader.batches(np.split(part, cuts)):
                if len(some):
                    changes = (apply_callable(images, transform) for _ in range(1, n_views))
                    rows.append(some)
                    views.append(torch.stack([extractor.run(v) for v in (images, *changes)]))
                progress.update(len(some))
            yield np.concatenate(rows), torch.cat(views, dim=1)  # (V, b, D)


def tell_of_bad_images(reader: ImageReader, processes: Processes) -> None:
    """Let the reader of each process know of the images that any of them could not read."""
    for bad in processes.gather(reader.bad):
        reader.bad.update(bad)
