"""What a network says of images or features."""

import numpy as np
import pandas as pd
import torch

from attrlearn.checks.inputs import Inputs
from attrlearn.features.pipeline import FeaturePipeline
from attrlearn.images.reader import MemoryReader, consecutive
from attrlearn.nn.network import AttributeNetwork

__all__ = ["predict_probabilities"]


def predict_probabilities(
    network: AttributeNetwork,
    inputs: Inputs,
    categories: np.ndarray,
    pipeline: FeaturePipeline,
    on_bad_image: str,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Predict the class probabilities of every row.

    Parameters
    ----------
    network : AttributeNetwork
        In eval mode; it comes to the device of the pipeline.
    inputs : Inputs
        N rows of images, or of features if the network has no backbone.
    categories : ndarray of shape (N,), int64
        As from `attrlearn.checks.inputs.encode_categories`.
    pipeline : FeaturePipeline
    on_bad_image : {"raise", "drop"}

    Returns
    -------
    probabilities : ndarray of shape (N, C), float32
        The classes of all attributes side by side; NaN for an image that cannot be read.
    bad_images : DataFrame
        Row, image and reason of those.

    Raises
    ------
    ImageError
        If an image cannot be read, with ``on_bad_image="raise"``.
    """
    network = network.to(pipeline.device)
    backbone = network.backbone
    reader = pipeline.open_reader(inputs, backbone, on_bad_image)
    if isinstance(reader, MemoryReader):
        batches = reader.batches(consecutive(len(inputs), pipeline.batch_size))
    else:
        assert backbone is not None
        extractor = pipeline.extractor(backbone, keep=backbone.is_frozen)
        views = extractor.batches(reader, keep_memory=False)
        batches = ((rows, features[0].float()) for rows, features in views)
    codes = torch.from_numpy(categories).to(pipeline.device)
    out = np.full((len(inputs), network.n_columns), np.nan, dtype=np.float32)
    for rows, features in batches:
        probabilities = network.probabilities(features.to(pipeline.device), codes[rows])
        out[rows] = probabilities.cpu().numpy()
    return out, reader.report_bad()
