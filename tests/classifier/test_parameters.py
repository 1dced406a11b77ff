"""Parameters come from people, from searches and from numpy."""

import numpy as np
import pytest

NUMBERS = {
    "category_dim": np.int64(4),
    "hidden_dim": np.int32(6),
    "dropout": np.float32(0.25),
    "learning_rate": np.float32(0.125),
    "weight_decay": np.float64(0.5),
    "max_epochs": np.int64(2),
    "batch_size": np.int64(5),
    "accumulate_steps": np.uint8(2),
    "validation_fraction": np.float32(0.25),
    "n_iter_no_change": np.int64(1),
    "image_size": np.int64(32),
    "n_jobs": np.int64(1),
    "random_state": np.int64(3),
    "verbose": np.int64(0),
    "attention": np.True_,
    "early_stopping": np.True_,
}


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_numbers_of_numpy_are_numbers(small, images, attributes, trainable):
    def fitted(parameters):
        small.set_params(trainable=trainable, dtype="float32", **parameters)
        return small.fit(images, attributes)

    curve = fitted(NUMBERS).loss_curve_
    plain = {name: value.item() for name, value in NUMBERS.items()}
    np.testing.assert_allclose(fitted(plain).loss_curve_, curve, rtol=1e-5)


@pytest.mark.parametrize("n_jobs", [0, 1.5])
def test_no_threads_at_all_is_an_error(small, images, attributes, n_jobs):
    with pytest.raises(ValueError, match="The 'n_jobs' parameter of AttributeClassifier must be"):
        small.set_params(n_jobs=n_jobs).fit(images, attributes)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_epochs", 0), ("dropout", 1.0), ("trainable", "tail"), ("resize", None), ("loss", "mse")],
)
def test_wrong_parameter_is_named(tabular, name, value, features, binary):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of AttributeClassifier must be"):
        tabular.set_params(**{name: value}).fit(features, binary)
