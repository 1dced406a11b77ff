"""Images to the features of a frozen backbone, as a transformer."""

from numbers import Integral
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from attrlearn.checks.inputs import check_inputs
from attrlearn.exceptions import naming_cure, warn
from attrlearn.features.pipeline import FeaturePipeline
from attrlearn.images.reader import ImageReader
from attrlearn.nn.backbones import Backbone, build_backbone
from attrlearn.nn.device import resolve_device
from attrlearn.pickling import NetworkPickleMixin
from attrlearn.training.seeds import seeded

__all__ = ["ImageEmbedder"]


class ImageEmbedder(TransformerMixin, NetworkPickleMixin):
    """Turn images into the features of a frozen backbone.

    The first step of a pipeline whose last one learns from features: an `AttributeClassifier` with
    ``backbone=None``, or any classifier of scikit-learn.

    Parameters
    ----------
    backbone : str, default="resnet18"
        A classification model of torchvision, by its name in
        ``torchvision.models.list_models(module=torchvision.models)``.
    weights : "DEFAULT", path or None, default="DEFAULT"
        The pretrained weights of torchvision (downloaded once), a file with a state dict in
        torchvision's layout (``.pth``, read with ``weights_only=True``, or ``.safetensors``), or
        random weights. The classifier in the file is ignored, anything else must match.
    features : {"stages", "last"}, default="stages"
        "last": what the backbone's last layer gives. "stages": beside it, of each stage before, the
        mean and the standard deviation over the positions of its last activation, as described in
        `AttributeClassifier`. They differ in scale: standardise them.
    image_size : int, default=224
        Height and width of the images, in pixels.
    resize : {"squash", "pad", "crop"}, default="squash"
        "squash" ignores the aspect ratio, "pad" fits the image in on white, "crop" cuts the
        centre out.
    batch_size : int, default=32
        Images that the backbone sees at once.
    cache_dir : "auto", path or None, default="auto"
        Folder that keeps the features of a frozen backbone for other fits, processes and runs.
        "auto": the user's cache folder, or the one that the environment variable
        ``ATTRLEARN_CACHE`` names. None: none. `fit_transform` keeps those of all images;
        `transform` reads and keeps those of files alone, nothing of images in memory.
    device : str, default="auto"
        "auto": CUDA, else MPS, else the CPU. Or a device of torch.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Of the backbone. "auto": bfloat16 where the hardware is fast at it (a GPU, or a CPU with
        AVX512-BF16 or AMX-BF16), else float32; results then depend on the machine, unless the
        environment variable ``ATTRLEARN_DTYPE`` says which of the two it is.
    engine : {"auto", "torch", "openvino"}, default="auto"
        Inference backend: what runs the backbone. "auto": OpenVINO for pretrained weights on a CPU,
        if it is installed (``pip install 'attrlearn[openvino]'``), and torch for random ones. The
        model that OpenVINO makes of the backbone is kept in `cache_dir`.
    n_jobs : int or None, default=None
        Threads that decode images; None: as many as torch computes with, -1: all cores.
    random_state : int, RandomState or None, default=None
        Of random weights, with ``weights=None``.
    verbose : int, default=0
        1: progress on standard error.

    Attributes
    ----------
    backbone_ : torch.nn.Module
        With the image size it was fitted for. What is set later is used by the next `fit`.

    See Also
    --------
    AttributeClassifier : Learns from images in one step.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from attrlearn import ImageEmbedder, make_attribute_images
    >>> X, y = make_attribute_images(20, mkdtemp(), random_state=0)
    >>> embedder = ImageEmbedder("mobilenet_v3_small", weights=None, image_size=32)
    >>> embedder.fit_transform(X["image"]).shape
    (20, 2656)
    >>> embedder.get_feature_names_out()[[0, -1]]
    array(['features.0.2_mean0', 'last_1023'], dtype=object)

    The first steps of a pipeline that takes X whole, with its category, and learns from both:

    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.pipeline import make_pipeline
    >>> from attrlearn import AttributeClassifier
    >>> columns = ColumnTransformer(
    ...     [("image", embedder, "image"), ("category", "passthrough", ["category"])],
    ...     verbose_feature_names_out=False,
    ... ).set_output(transform="pandas")
    >>> pipeline = make_pipeline(columns, AttributeClassifier(backbone=None, random_state=0))
    >>> pipeline.fit(X, y)[-1].categories_
    array(['dress', 'shirt', 'trousers'], dtype=object)
    """

    backbone_: Backbone

    _parameter_constraints: ClassVar[dict] = {
        "backbone": [str],
        "weights": [str, PathLike, None],
        "features": [StrOptions({"stages", "last"})],
        "image_size": [Interval(Integral, 1, None, closed="left")],
        "resize": [StrOptions({"squash", "pad", "crop"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "cache_dir": [str, PathLike, None],
        "device": [str],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "engine": [StrOptions({"auto", "torch", "openvino"})],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "random_state": ["random_state"],
        "verbose": [Interval(Integral, 0, None, closed="left"), "boolean"],
    }

    def __init__(
        self,
        backbone: str = "resnet18",
        *,
        weights: str | PathLike | None = "DEFAULT",
        features: str = "stages",
        image_size: int = 224,
        resize: str = "squash",
        batch_size: int = 32,
        cache_dir: str | PathLike | None = "auto",
        device: str = "auto",
        dtype: str = "auto",
        engine: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.features = features
        self.image_size = image_size
        self.resize = resize
        self.batch_size = batch_size
        self.cache_dir = cache_dir
        self.device = device
        self.dtype = dtype
        self.engine = engine
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Load the backbone; nothing is learnt.

        Parameters
        ----------
        X : array-like of N paths; DataFrame with a column `image`; or images
            As in `AttributeClassifier.fit`. The images are not read yet.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or X breaks a rule.
        OSError
            If the weights cannot be read.
        """
        self._validate_params()
        check_inputs(X)
        with seeded(self.random_state, resolve_device(self.device)):
            backbone = build_backbone(
                self.backbone, self.weights, "head", self.image_size, self.features
            )
        self.backbone_, self._resize = backbone.eval(), self.resize
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the features of images, as new ones: those in memory are not cached.

        Parameters
        ----------
        X : as in `fit`
            A column `category` is left out, with a warning: a ``ColumnTransformer`` keeps it.

        Returns
        -------
        ndarray of shape (N, D), float32

        Raises
        ------
        ImageError
            If an image cannot be read; its attributes `row`, `image` and `reason` say which and
            why.
        """
        return self._embed(X)

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Load the backbone, and compute the features of images to learn from.

        Parameters
        ----------
        X, y
            As in `fit` and `transform`.

        Returns
        -------
        ndarray of shape (N, D), float32

        Raises
        ------
        ValueError, TypeError, OSError
            As in `fit` and `transform`.
        """
        return self.fit(X)._embed(X, in_fit=True)

    def _embed(self, X: Any, *, in_fit: bool = False) -> np.ndarray:
        """(N, D) float32; `in_fit` of images to learn from, by a backbone just built."""
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame) and "category" in X:
            warn(
                "ImageEmbedder leaves the column 'category' of X out. Pass X['image'], or keep it "
                "with ColumnTransformer([('image', ImageEmbedder(), 'image'), ('category', "
                "'passthrough', ['category'])], verbose_feature_names_out=False)"
                ".set_output(transform='pandas').",
            )
        device = resolve_device(self.device)
        pipeline = FeaturePipeline(
            device,
            self.dtype,
            self.engine,
            self._resize,
            self.batch_size,
            self.n_jobs,
            self.cache_dir,
        )
        extractor = pipeline.extractor(self.backbone_, as_built=in_fit)
        reader = pipeline.open_reader(check_inputs(X), self.backbone_, "raise")
        assert isinstance(reader, ImageReader)
        batches = extractor.batches(reader, keep_memory=in_fit, verbose=self.verbose)
        with naming_cure("leave its row out"):
            return np.concatenate([views[0].float().numpy() for _, views in batches])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str, shape (D,)
            Those of stages are the module that ends the stage, the statistic and the channel; then
            come ``last_0``, ``last_1``, ... of the last layer.
        """
        check_is_fitted(self)
        return np.array(self.backbone_.feature_names(), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Say that X holds images."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags
