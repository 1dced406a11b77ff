import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from torchvision.models import resnet18

from attrlearn import AttributeClassifier, ImageEmbedder, ImageError, make_attribute_images
from attrlearn.features.cache import FeatureCache
from attrlearn.model_selection import AttributeKFold


@pytest.fixture
def embedder() -> ImageEmbedder:
    return ImageEmbedder("squeezenet1_1", weights=None, image_size=40, random_state=0)


def test_features_are_those_of_torchvision(images, tmp_path):
    model = resnet18(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    embedder = ImageEmbedder(
        "resnet18",
        weights=tmp_path / "weights.pth",
        image_size=40,
        batch_size=7,
        dtype="float32",
        features="last",
    )
    ours = embedder.fit_transform(images["image"])
    images = [Image.open(path).resize((40, 40), Image.Resampling.BILINEAR) for path in images.image]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    inputs = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        theirs = model(inputs).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert ours.dtype == np.float32


def test_columns_have_names_and_rows_their_index(embedder, images):
    X = images["image"].set_axis(range(100, 124))
    table = embedder.set_output(transform="pandas").fit_transform(X)
    assert isinstance(table, pd.DataFrame)
    assert table.columns.tolist() == embedder.get_feature_names_out().tolist()
    assert table.columns[-1] == "last_511"
    assert table.index.tolist() == list(range(100, 124))


def test_category_that_is_left_out_is_said(embedder, images):
    embedder.fit(images)
    with pytest.warns(UserWarning, match="leaves the column 'category' of X out.*ColumnTransforme"):
        embedder.transform(images)
    with pytest.warns(UserWarning, match="leaves the column 'category' of X out"):
        embedder.fit_transform(images)


@pytest.fixture
def garments(tmp_path):
    X, y = make_attribute_images(24, tmp_path / "garments", size=32, random_state=0)
    return X, y[["long", "buttons", "pattern"]]


def test_the_column_transformer_of_the_warning_hands_the_category_on(embedder, garments):
    X, y = garments
    with pytest.warns(UserWarning, match="leaves the column 'category' of X out") as caught:
        embedder.fit_transform(X)
    (advice,) = re.findall(r"ColumnTransformer\(.*\)(?=\.$)", str(caught[0].message))
    embedder.set_params(dtype="float32")
    names = {"ColumnTransformer": ColumnTransformer, "ImageEmbedder": lambda: embedder}
    classifier = AttributeClassifier(backbone=None, max_epochs=2, random_state=0)
    pipeline = make_pipeline(eval(advice, names), classifier).fit(X, y)
    assert pipeline[-1].categories_.tolist() == ["dress", "shirt", "trousers"]
    assert pipeline[-1].n_features_in_ == 2176
    features = pd.DataFrame(
        embedder.fit_transform(X["image"]), columns=pipeline[-1].feature_names_in_
    )
    by_hand = clone(classifier).fit(features.assign(category=X["category"]), y)
    for one, other in zip(
        pipeline.predict_proba(X),
        by_hand.predict_proba(features.assign(category=X["category"])),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    assert cross_val_score(pipeline, X, y, cv=AttributeKFold(2)).shape == (2,)


def test_one_hot_categories_go_in_once_they_are_dense(embedder, garments):
    X, y = garments
    columns = ColumnTransformer(
        [("image", embedder, "image"), ("category", OneHotEncoder(), ["category"])],
        sparse_threshold=1,
    )
    pipeline = make_pipeline(columns, AttributeClassifier(backbone=None, max_epochs=1))
    with pytest.raises(ValueError, match=r"must be dense.*sparse_threshold=0.*sparse_output=False"):
        pipeline.fit(X, y)
    pipeline.set_params(columntransformer__sparse_threshold=0).fit(X, y)
    assert pipeline[-1].n_features_in_ == 2179
    pipeline.set_params(
        columntransformer__sparse_threshold=1,
        columntransformer__category__sparse_output=False,
    ).fit(X, y)
    assert pipeline.predict(X).shape == y.shape


@pytest.mark.slow
def test_the_pipeline_of_the_readme_learns_from_the_features_as_they_are(garments):
    text = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    (advice,) = re.findall(r"`(make_pipeline\(.*)`", text)
    names = {
        "make_pipeline": make_pipeline,
        "AttributeClassifier": AttributeClassifier,
        "ImageEmbedder": partial(ImageEmbedder, weights=None, image_size=32, random_state=0),
    }
    X, y = garments
    pipeline = eval(advice, names)
    embedder, classifier = (step for _, step in pipeline.steps)
    embedder.set_params(dtype="float32")
    classifier.set_params(random_state=0)
    by_hand = clone(classifier).fit(embedder.fit_transform(X["image"]), y)
    pipeline.fit(X["image"], y)
    np.testing.assert_array_equal(
        np.hstack(pipeline.predict_proba(X["image"])),
        np.hstack(by_hand.predict_proba(embedder.transform(X["image"]))),
    )


def test_images_in_memory_are_kept_in_fit_transform_and_not_in_transform(
    embedder, images, tmp_path
):
    embedder.set_params(cache_dir=tmp_path)

    def n_kept():
        with FeatureCache(tmp_path) as cache:
            return cache.info().n_entries

    uploads = [Path(path).read_bytes() for path in images["image"]]
    expected = embedder.fit(uploads).transform(uploads[:5])
    assert n_kept() == 0
    np.testing.assert_allclose(embedder.fit_transform(uploads[:5]), expected, rtol=0.05, atol=0.05)
    assert n_kept() == 5
    embedder.transform(images["image"])
    assert n_kept() == 24


def test_image_that_cannot_be_read_is_named(embedder, images):
    paths = [*images["image"][:3], "nowhere.jpg"]
    with pytest.raises(
        ImageError, match=r"'nowhere.jpg' \(row 3\): no such file.* or leave its row out\.$"
    ):
        embedder.fit_transform(paths)


def test_random_weights_come_from_the_seed_alone(images):
    def first(seed):
        embedder = ImageEmbedder("squeezenet1_1", weights=None, image_size=32, random_state=seed)
        return embedder.fit_transform(images["image"][:1])

    state = torch.get_rng_state()
    np.testing.assert_array_equal(first(0), first(0))
    assert not np.allclose(first(0), first(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_wrong_parameter_is_named(embedder, images):
    with pytest.raises(ValueError, match="The 'resize' parameter of ImageEmbedder must be"):
        embedder.set_params(resize="stretch").fit(images)
