import io
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from attrlearn.app.looks import look_at

pytestmark = pytest.mark.filterwarnings("ignore::attrlearn.exceptions.UnreadableImageWarning")


def test_rows_are_those_of_predict_table_and_what_is_unreadable_has_no_thumbnail(clf, images):
    contents = [Path(path).read_bytes() for path in images["image"][:2]]
    contents.insert(1, contents[0][:500])
    looks = look_at(clf, contents, "dress")
    expected = clf.predict_table(contents, ["dress"] * 3)
    pd.testing.assert_frame_equal(
        pd.DataFrame([look.row for look in looks]), expected, check_dtype=False
    )
    assert [look.thumbnail is None for look in looks] == [False, True, False]
    assert looks[1].row["image_error"] == "file is truncated"


def test_thumbnails_have_one_size_and_hold_the_whole_image(clf):
    file = io.BytesIO()
    Image.new("RGB", (60, 20), "red").save(file, "PNG")
    (look,) = look_at(clf, [file.getvalue()], "dress")
    thumbnail = Image.open(io.BytesIO(look.thumbnail))
    assert thumbnail.size == (448, 448)
    assert thumbnail.getpixel((2, 224))[1] < 60
    assert thumbnail.getpixel((224, 2))[1] > 200
