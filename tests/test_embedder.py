from ast import literal_eval

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision.models import resnet18

from attrlearn import ImageEmbedder


@pytest.fixture
def embedder() -> ImageEmbedder:
    return ImageEmbedder("resnet18", weights=None, image_size=40, random_state=0)


def test_features_are_those_of_torchvision(pictures, tmp_path):
    model = resnet18(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    embedder = ImageEmbedder(
        "resnet18",
        weights=tmp_path / "weights.pth",
        image_size=40,
        batch_size=7,
        dtype="float32",
    )
    ours = embedder.fit_transform(pictures["image"])
    images = [
        Image.open(path).resize((40, 40), Image.Resampling.BILINEAR) for path in pictures.image
    ]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    inputs = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    model.fc = torch.nn.Identity()
    with torch.no_grad():
        theirs = model(inputs).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert ours.dtype == np.float32


def test_columns_have_names_and_rows_their_index(embedder, pictures):
    X = pictures["image"].set_axis(range(100, 124))
    table = embedder.set_output(transform="pandas").fit_transform(X)
    assert isinstance(table, pd.DataFrame)
    assert table.columns.tolist() == embedder.get_feature_names_out().tolist()
    assert table.columns[-1] == "imageembedder511"
    assert table.index.tolist() == list(range(100, 124))


def test_category_that_is_left_out_is_said(embedder, pictures):
    embedder.fit(pictures)
    with pytest.warns(UserWarning, match="leaves the column 'category' of X out.*ColumnTransforme"):
        embedder.transform(pictures)


def test_picture_that_cannot_be_read_is_named(embedder, pictures):
    paths = [*pictures["image"][:3], "nowhere.jpg"]
    with pytest.raises(FileNotFoundError, match=r"'nowhere.jpg' \(row 3\): no such file"):
        embedder.fit_transform(paths)


def test_random_weights_come_from_the_seed_alone(pictures):
    def first(seed):
        embedder = ImageEmbedder("resnet18", weights=None, image_size=32, random_state=seed)
        return embedder.fit_transform(pictures["image"][:1])

    state = torch.get_rng_state()
    np.testing.assert_array_equal(first(0), first(0))
    assert not np.allclose(first(0), first(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_every_parameter_has_a_rule_and_a_text():
    params = ImageEmbedder().get_params()
    assert params.keys() == ImageEmbedder._parameter_constraints.keys()
    for name, default in params.items():
        line = ImageEmbedder.__doc__.split(f"    {name} : ")[1].splitlines()[0]
        assert literal_eval(line.split("default=")[1]) == default, name


def test_wrong_parameter_is_named(embedder, pictures):
    with pytest.raises(ValueError, match="The 'resize' parameter of ImageEmbedder must be"):
        embedder.set_params(resize="stretch").fit(pictures)
