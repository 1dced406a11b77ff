"""What a fitted network says of new pictures."""

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted, validate_data

from attrlearn.base import NetworkEstimator
from attrlearn.data.batches import MemoryReader, consecutive
from attrlearn.data.inputs import (
    Inputs,
    check_inputs,
    encode_categories,
    is_single,
    warn_of_unknown,
)
from attrlearn.data.pairing import check_paired
from attrlearn.data.targets import check_table
from attrlearn.data.weights import check_sample_weight
from attrlearn.metrics import balanced_accuracy_score
from attrlearn.training.precision import resolve_device

__all__ = ["Predictor"]


class Predictor(NetworkEstimator):
    """Predictions of a fitted estimator, which `AttributeClassifier` inherits."""

    def predict_proba(self, X: Any, categories: Any = None) -> np.ndarray | list[np.ndarray]:
        """Predict the class probabilities of every attribute.

        Parameters
        ----------
        X, categories
            As in `fit`.

        Returns
        -------
        ndarray of shape (N, A), or list of A arrays of shape (N, classes)
            All attributes binary: the probability of 1. Any categorical: one array per attribute,
            its columns in the order of `classes_`, as scikit-learn's multi-output classifiers
            give. float32; NaN for a picture that ``on_bad_image="drop"`` leaves out.

        Raises
        ------
        ImageError
            If a picture cannot be read, unless ``on_bad_image="drop"``.

        Notes
        -----
        All predictions look the features of a frozen backbone up in the cache (`cache_dir`) and
        add what they compute to it for pictures given as paths alone. Nothing of an image in
        memory or of an open file is looked up or kept.
        """
        inputs = self._check(X, categories)
        probabilities, _ = self._class_probabilities(inputs, self.on_bad_image)
        return self._attributes.by_attribute(probabilities)

    def predict(self, X: Any, categories: Any = None) -> np.ndarray:
        """Predict the most probable class of every attribute.

        Parameters
        ----------
        X, categories
            As in `fit`.

        Returns
        -------
        ndarray of shape (N, A)
            int if all attributes are binary, else object.

        Raises
        ------
        ImageError
            If a picture cannot be read, whatever `on_bad_image` says: it has no class.
        """
        inputs = self._check(X, categories)
        probabilities, _ = self._class_probabilities(inputs, "raise")
        return self._attributes.most_probable(probabilities)

    def predict_table(self, X: Any, categories: Any = None) -> pd.DataFrame:
        """Predict as a table for people.

        Parameters
        ----------
        X : as in `fit`, or one picture
        categories : as in `fit`, or the category of the one picture

        Returns
        -------
        DataFrame of N rows, with the index of X
            Per attribute ``<attribute>``, the predicted class, and ``<attribute>_proba``, its
            probability; NA and NaN where the attribute does not apply to the category
            (`applicable_`), and for a picture that ``on_bad_image="drop"`` leaves out. With
            ``on_bad_image="drop"`` a last column `image_error` says why a picture could not be
            read, NA where it could.

        Raises
        ------
        ImageError
            If a picture cannot be read, unless ``on_bad_image="drop"``.
        ValueError
            If two columns would have one name, as with attributes `hood` and `hood_proba`.
        """
        check_is_fitted(self)
        if self.network_.backbone is not None and is_single(X):
            X, categories = [X], None if categories is None else [categories]
        inputs = self._check(X, categories)
        self._check_columns()
        probabilities, bad = self._class_probabilities(inputs, self.on_bad_image)
        unreadable = np.isnan(probabilities[:, 0])
        classes = self._attributes.most_probable(np.nan_to_num(probabilities))
        codes = encode_categories(inputs.categories, self.applicable_.index, len(inputs))
        # The unknown category comes first, and rules nothing out.
        ruled_out = np.vstack([np.zeros(self.n_attributes_, bool), ~self.applicable_.to_numpy()])
        hidden = ruled_out[codes] | unreadable[:, None]
        columns = {}
        for a, p in enumerate(self._attributes.split(probabilities)):
            name, best = self.attribute_names_[a], p.max(axis=1)
            values = pd.Series(classes[:, a], inputs.index).convert_dtypes()
            columns[name] = values.mask(hidden[:, a], pd.NA)
            columns[f"{name}_proba"] = pd.Series(best, inputs.index).mask(hidden[:, a])
        if self.on_bad_image == "drop":
            reasons = bad.set_index("row")["reason"].reindex(range(len(inputs)))
            columns["image_error"] = reasons.astype("string").set_axis(inputs.index)
        return pd.DataFrame(columns, inputs.index)

    def score(self, X: Any, y: Any, categories: Any = None, sample_weight: Any = None) -> float:
        """Balanced accuracy on the labelled cells, averaged over the attributes.

        Parameters
        ----------
        X, y, categories, sample_weight
            As in `fit`.

        Returns
        -------
        float
            In [0, 1]. An attribute with fewer than two labelled classes is left out, with a
            warning; NaN if that leaves none.

        Raises
        ------
        ValueError
            If an argument breaks a rule of `fit`.
        ImageError
            If a picture cannot be read, unless ``on_bad_image="drop"``.
        """
        check_paired({"X": X, "y": y, "categories": categories, "sample_weight": sample_weight})
        inputs = self._check(X, categories)
        truth = self._attributes.check_known(check_table(y, len(inputs), self.attribute_names_))
        probabilities, _ = self._class_probabilities(inputs, self.on_bad_image)
        readable = ~np.isnan(probabilities[:, 0])
        predicted = self._attributes.most_probable(np.nan_to_num(probabilities))
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, truth)
        # Not fewer rows: none may be readable.
        truth = truth.where(np.broadcast_to(readable[:, None], truth.shape))
        return float(
            balanced_accuracy_score(
                truth, predicted, sample_weight=sample_weight, classes=self.classes_
            )
        )

    def _check(self, X: Any, categories: Any) -> Inputs:
        """X and categories as the fitted network takes them."""
        check_is_fitted(self)
        check_paired({"X": X, "categories": categories})
        inputs = check_inputs(X, categories, features=self.network_.backbone is None)
        self._see_features(inputs, reset=False)
        warn_of_unknown(inputs.categories, self.categories_, len(inputs))
        return inputs

    def _see_features(self, inputs: Inputs, *, reset: bool) -> Self:
        """Note number and names of the features, if X holds any, or raise unless they are those."""
        if inputs.features is not None:
            features: Any = inputs.features
            if inputs.feature_names is not None:
                features = pd.DataFrame(features, columns=inputs.feature_names, copy=False)
            validate_data(self, features, reset=reset, skip_check_array=True)
        return self

    def _check_columns(self) -> None:
        """Raise if two columns of the table for people would have one name."""
        names = [f"{name}_proba" for name in self.attribute_names_]
        names += ["image_error"] * (self.on_bad_image == "drop")
        taken = next((name for name in self.attribute_names_ if name in names), None)
        if taken is not None:
            raise ValueError(
                f"predict_table must have one column per name. Got the attribute {taken!r}, which "
                "is also the name of another column. Call predict and predict_proba, or rename the "
                "attribute and fit again."
            )

    def _class_probabilities(
        self, inputs: Inputs, on_bad_image: str
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """(N, C) float32, the classes of all attributes side by side, and a table of bad pictures.

        A bad picture has NaN there, and row, image and reason in the table.
        """
        device = resolve_device(self.device)
        network = self.network_.to(device)
        reader = self._open_reader(inputs, network.backbone, self._resize, on_bad_image)
        categories = encode_categories(inputs.categories, self.categories_, len(inputs))
        codes = torch.from_numpy(categories).to(device)
        out = np.full((len(inputs), sum(self._attributes.n_classes)), np.nan, dtype=np.float32)
        if isinstance(reader, MemoryReader):
            batches = reader.batches(consecutive(len(inputs), self.batch_size))
        else:
            extractor = self._extractor(network.backbone, keep=network.backbone.is_frozen)
            views = extractor.batches(network.backbone, reader, keep_memory=False)
            batches = ((rows, torch.from_numpy(features[0])) for rows, features in views)
        for rows, features in batches:
            out[rows] = network.probabilities(features.to(device), codes[rows]).cpu().numpy()
        return out, reader.report_bad()
