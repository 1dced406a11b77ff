import matplotlib as mpl
import pytest
from matplotlib.image import imread

from attrlearn.callbacks import LiveLossCurve
from attrlearn.plots import LossCurveDisplay

NOTEBOOK = """
import numpy as np
from sklearn.model_selection import GridSearchCV
from attrlearn import AttributeClassifier
from attrlearn.callbacks import LiveLossCurve
X = np.random.default_rng(0).normal(size=(36, 4)).astype("float32")
y = (X[:, :2] > 0).astype(float)
clf = AttributeClassifier(None, max_epochs=3, early_stopping=True, random_state=0)
"""


def count_drawings(monkeypatch):
    drawn = []
    plot = LossCurveDisplay.plot
    monkeypatch.setattr(
        LossCurveDisplay, "plot", lambda self, **k: drawn.append(self) or plot(self, **k)
    )
    return drawn


def test_the_file_grows_by_an_epoch_a_time_to_the_curve_of_the_fit(
    clf, features, gaps, tmp_path, monkeypatch
):
    drawn = count_drawings(monkeypatch)
    path = tmp_path / "new" / "curve.png"
    clf.set_callbacks(LiveLossCurve(path, every=0)).fit(features, gaps)
    n_steps = [len(display.loss_curve) for display in drawn]
    assert n_steps[0] < n_steps[1] < n_steps[2] <= len(clf.loss_curve_)
    assert len(n_steps) == 3 + 1
    assert n_steps[3] == len(clf.loss_curve_)
    assert list(drawn[-1].validation_scores) == list(clf.validation_scores_)
    assert imread(path).shape[:2] == (400, 640)
    assert [file.name for file in path.parent.iterdir()] == ["curve.png"]


def test_between_two_drawings_is_as_much_time_as_asked_for(
    clf, features, gaps, tmp_path, monkeypatch
):
    drawn = count_drawings(monkeypatch)
    clf.set_callbacks(LiveLossCurve(tmp_path / "curve.svg", every=3600)).fit(features, gaps)
    assert [len(display.loss_curve) for display in drawn][1:] == [len(clf.loss_curve_)]


def test_in_a_terminal_without_a_path_nothing_is_drawn(clf, features, gaps, monkeypatch, capsys):
    drawn = count_drawings(monkeypatch)
    clf.set_callbacks(LiveLossCurve()).fit(features, gaps)
    assert drawn == []
    assert capsys.readouterr() == ("", "")


def test_pyplot_knows_nothing_of_it(clf, features, gaps, tmp_path):
    from matplotlib import pyplot as plt

    before = plt.get_fignums(), mpl.get_backend()
    clf.set_callbacks(LiveLossCurve(tmp_path / "curve.png")).fit(features, gaps)
    assert (plt.get_fignums(), mpl.get_backend()) == before


def test_a_path_or_time_that_makes_no_sense_is_an_error():
    with pytest.raises(ValueError, match=r"path must end in a format .* Got 'curve.txt'"):
        LiveLossCurve("curve.txt")
    with pytest.raises(ValueError, match=r"every must be a number of seconds.* Got -1"):
        LiveLossCurve(every=-1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_in_a_notebook_one_output_is_replaced_until_it_is_the_final_curve():
    nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra dev")
    pytest.importorskip("ipykernel", reason="needs the extra dev")
    cells = [
        NOTEBOOK,
        "clf.set_callbacks(LiveLossCurve(every=0)).fit(X, y);",
        "clf.set_params(max_epochs=1).fit(X, y);  # one drawing of the epoch, one at the end",
        "clf.set_callbacks()\n"
        "search = GridSearchCV(clf.set_params(max_epochs=3), {'dropout': [0.1]}, cv=2)\n"
        "search.set_callbacks(LiveLossCurve(every=0)).fit(X, y);",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3")
    messages = []
    process = client.process_message

    def process_message(message, cell, index):
        messages.append((index, message["msg_type"]))
        return process(message, cell, index)

    client.process_message = process_message
    client.execute()
    pngs = []
    for index, n_updates in [(1, 3), (2, 1), (3, 3 * (3 + 1) - 1)]:
        (output,) = notebook.cells[index].outputs
        pngs.append(output.data["image/png"])
        assert messages.count((index, "update_display_data")) == n_updates
    assert len(set(pngs)) == 3
