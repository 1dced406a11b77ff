"""Images that cannot be read."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_bad_image_is_an_error_that_names_its_row(small, damaged, attributes, trainable):
    with pytest.raises(OSError, match=r"image '.*bad\.jpg' \(row 5\): .*on_bad_image=\"drop\""):
        small.set_params(trainable=trainable).fit(damaged, attributes)
    assert not hasattr(small, "network_")


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_dropped_images_are_listed_and_the_others_learnt(small, damaged, attributes, trainable):
    clf = clone(small).set_params(on_bad_image="drop", trainable=trainable)
    with pytest.warns(UserWarning, match=r"1 of 24 images .* \(row 5\)"):
        clf.fit(damaged, attributes)
    assert clf.bad_images_["row"].tolist() == [5]
    rest = clone(small).set_params(trainable=trainable)
    rest.fit(damaged.drop(index=5), attributes.drop(index=5))
    assert (clf.loss_curve_ == rest.loss_curve_).all()


def test_dropped_images_keep_their_place_in_predictions(small, damaged, images, attributes):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    good = np.arange(24) != 5
    with pytest.warns(UserWarning, match="1 of 24 images"):
        p = np.hstack(clf.predict_proba(damaged))
    assert np.isnan(p[5]).all()
    np.testing.assert_allclose(p[good], np.hstack(clf.predict_proba(images))[good], atol=1e-6)
    with pytest.warns(UserWarning, match="1 of 24 images"):
        table = clf.predict_table(damaged)
    reasons = table.pop("image_error")
    assert reasons[~good].tolist() == ["not an image Pillow can read"]
    assert reasons[good].isna().all()
    assert table.isna().all(axis=1).tolist() == (~good).tolist()
    with pytest.warns(UserWarning, match="1 of 24 images"):
        score = clf.score(damaged, attributes)
    assert score == pytest.approx(clf.score(images[good], attributes[good]))
    with pytest.raises(
        OSError, match=r"row 5.* or call predict_table with on_bad_image=\"drop\"\.$"
    ):
        clf.predict(damaged)


def test_the_score_of_no_good_image_is_nan(small, images, attributes):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    with (
        pytest.warns(UserWarning, match="2 of 2 images"),
        pytest.warns(UserWarning, match=r"left out \['hood', 'zip', 'length'\]"),
    ):
        score = clf.score(images[:2].assign(image=["a.jpg", "b.jpg"]), attributes[:2])
    assert np.isnan(score)


def test_no_good_image_is_an_error(small, tmp_path):
    clf = small.set_params(on_bad_image="drop")
    with pytest.raises(OSError, match="Got 2, none of which can"):
        clf.fit([tmp_path / "a.jpg", tmp_path / "b.jpg"], [[0], [1]])


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_a_validation_set_can_be_read_and_keeps_its_rows_together(
    small, damaged, attributes, trainable
):
    """Bad images leave; the rest of the validation set stays together."""
    seen = {}

    def scorer(estimator, X, y):
        seen[estimator.predict_proba(X)[0].tobytes()] = (X, y)
        return len(seen)

    clf = small.set_params(
        trainable=trainable,
        on_bad_image="drop",
        early_stopping=True,
        validation_fraction=0.4,
        scoring=scorer,
        dtype="float32",
    )
    with pytest.warns(UserWarning, match="could not be read"):
        clf.fit(damaged, attributes)
    *_, (said, (X_val, y_val)) = seen.items()
    assert len(X_val) == 10  # 0.4 of the 23 that can be read, rounded up
    assert clf.bad_images_["row"].tolist() == [5]
    assert 5 not in X_val.index
    pd.testing.assert_frame_equal(X_val, damaged.loc[X_val.index])
    pd.testing.assert_frame_equal(y_val, attributes.loc[X_val.index])
    again = clf.predict_proba(X_val)[0]
    np.testing.assert_allclose(
        np.frombuffer(said, np.float32).reshape(again.shape), again, atol=1e-5
    )
