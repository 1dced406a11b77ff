import pytest

from attrlearn import AttributeClassifier, ImageEmbedder, make_attribute_images
from attrlearn.app import learner as module
from attrlearn.app.labelled_table import Columns, LabelledTable
from attrlearn.app.learner import Learner
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.labels.shared_file import SharedLabels


@pytest.fixture
def embedder():
    return ImageEmbedder("squeezenet1_1", weights=None, image_size=32, random_state=0)


@pytest.fixture
def learner(embedder, monkeypatch):
    def quick(**parameters):
        return AttributeClassifier(max_epochs=2, **parameters)

    monkeypatch.setattr(module, "AttributeClassifier", quick)
    told = []
    learner = Learner(embedder.fit(["a.png"]), told.append)
    learner.told = told
    return learner


@pytest.fixture
def table_of(tmp_path):
    X, y = make_attribute_images(60, tmp_path, size=32, random_state=0)
    y.insert(0, "image", X["image"])
    y.insert(1, "kind", X["category"])

    def table(**changes):
        path = tmp_path / "labels.csv"
        y.assign(**changes).to_csv(path, index=False, na_rep="NA")
        content = SharedLabels(path, None, NA_VALUES, tmp_path).read()
        return LabelledTable(content, Columns(category="kind"), tmp_path)

    return table


def test_every_missing_cell_that_can_be_learnt_has_a_place_and_a_suggestion(learner, table_of):
    table = table_of()
    learner.learn(table)
    assert learner.wait(120)
    assert learner.told == []
    progress = learner.progress
    y = table.y()
    missing = progress.order.missing
    for name in y:
        rows = missing.loc[missing["attribute"] == name, "row"]
        assert sorted(rows) == y.index[y[name].isna()].tolist()
    assert missing["confidence"].between(0, 1).all()
    doubtful = progress.order.doubtful
    assert all(
        y[a].notna()[row] for row, a in zip(doubtful["row"], doubtful["attribute"], strict=True)
    )
    assert (progress.n_labelled, progress.is_busy) == (y.notna().to_numpy().sum(), False)


def test_features_are_computed_once(learner, table_of, monkeypatch):
    asked = []
    transform = learner.embedder.transform
    monkeypatch.setattr(
        learner.embedder, "transform", lambda paths: asked.append(len(paths)) or transform(paths)
    )
    for _ in range(2):
        learner.learn(table_of())
        assert learner.wait(120)
    assert asked == [60]


def test_an_image_that_cannot_be_read_is_left_out_and_named(learner, table_of):
    table = table_of()
    with open(table.paths[3], "w") as file:
        file.write("no image")
    learner.learn(table)
    assert learner.wait(120)
    assert learner.unreadable == {table.paths[3]: "not an image Pillow can read"}
    assert 3 not in set(learner.progress.order.missing["row"])


def test_with_too_few_labels_the_order_of_the_file_stays(learner, table_of):
    table = table_of()
    learner.learn(table_of(**{name: None for name in table.attributes}))
    assert learner.wait(120)
    assert learner.progress.order is None
    assert "A model needs 3 labelled images" in learner.progress.text


def test_what_fails_is_told_and_the_next_table_is_learnt_from(learner, table_of, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(learner.embedder, "transform", lambda paths: 1 / 0)
        learner.learn(table_of())
        assert learner.wait(120)
    assert learner.told == ["The model could not learn: division by zero"]
    learner.learn(table_of())
    assert learner.wait(120)
    assert learner.progress.order is not None
