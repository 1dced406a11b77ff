import copy
import pickle

import joblib
import pytest

from attrlearn import ImageError
from attrlearn.exceptions import naming_argument
from attrlearn.images.decoding import read_image

ERROR = ImageError("Could not read it.", 3, "shots/a.jpg", "file is truncated")


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_a_copy_keeps_all(again):
    error = again(ERROR)
    assert type(error) is ImageError
    assert str(error) == "Could not read it."
    assert (error.row, error.image, error.reason) == (3, "shots/a.jpg", "file is truncated")


def test_it_is_an_oserror_without_number():
    assert isinstance(ERROR, OSError)
    assert (ERROR.errno, ERROR.filename) == (None, None)


@pytest.mark.slow
def test_it_comes_whole_out_of_a_worker_process():
    with pytest.raises(ImageError, match=r"^not an image Pillow can read$") as caught:
        joblib.Parallel(2)([joblib.delayed(read_image)(b"GIF", 8)] * 2)
    assert caught.value.image == "of type bytes"
    assert caught.value.reason == "not an image Pillow can read"


def test_the_table_that_it_is_about_is_named_and_all_else_kept():
    with (
        pytest.raises(ImageError, match=r"^In X_val: Could not read it\.$") as caught,
        naming_argument("X_val"),
    ):
        raise ERROR
    error = caught.value
    assert (error.row, error.image, error.reason) == (ERROR.row, ERROR.image, ERROR.reason)
