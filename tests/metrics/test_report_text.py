import numpy as np
import pandas as pd
import pytest

from attrlearn.metrics import attribute_report, format_report

HEADING = "labelled missing prevalence chance AP AUC bal_acc F1"


@pytest.fixture
def report():
    rng = np.random.default_rng(0)
    y = rng.integers(-1, 2, (50, 3))
    proba = rng.random((50, 3))
    proba[:, 0] = (proba[:, 0] + (y[:, 0] == 1)) / 2
    y[:, 2] = -1
    return attribute_report(pd.DataFrame(y, columns=["hood", "zip", "new"]), proba)


def test_the_text_holds_the_figures_and_their_means(report):
    heading, hood, zipped, new, mean = format_report(report).splitlines()
    assert heading.split() == [*HEADING.split(), "p", ">chance"]
    for line, name, said in ((hood, "hood", "yes"), (zipped, "zip", "no")):
        row = report.loc[name]
        figures = [row["missing"], *row.iloc[3:9].astype(float)]
        missing, *rest = (f"{value:.3f}" for value in figures)
        assert line.split() == [
            name, str(row["labelled"]), missing, row["prevalence"], *rest, said
        ]  # fmt: skip
    assert new.split() == ["new", "0", "1.000"]
    scores = report[["chance", "average_precision", "roc_auc", "balanced_accuracy", "f1"]]
    assert mean.split() == ["mean", *(f"{value:.3f}" for value in scores.mean())]


def test_columns_line_up(report):
    heading, *lines = format_report(report).splitlines()
    end = heading.index("AUC") + 3
    assert [line[end - 5 : end] for line in lines if "new" not in line] == [
        *(f"{value:.3f}" for value in report["roc_auc"].iloc[:2]),
        f"{report['roc_auc'].mean():.3f}",
    ]


def test_the_test_may_be_left_out():
    report = attribute_report([[1], [0]], [[1.0], [0.0]], n_permutations=0)
    assert format_report(report).splitlines()[0].split() == HEADING.split()


def test_lines_fit_into_120_columns():
    name = "the sleeves are long or short, or what is in between, or cannot be told at all" * 2
    n_classes = 12
    codes = np.tile(np.arange(n_classes), 1000)
    y = pd.DataFrame({name: codes.astype(str), "hood": codes % 2})
    report = attribute_report(y, [np.eye(n_classes)[codes], np.eye(2)[codes % 2]], n_permutations=9)
    text = format_report(report)
    assert max(map(len, text.splitlines())) == 120
    assert "the sleeves are" in text
    assert "0.08 0.08 0.08 ..." in text


def test_what_the_report_does_not_know_is_empty_and_never_nan():
    y = pd.DataFrame({"sleeve": pd.Categorical([None, None], ["bare", "long"]), "hood": np.nan})
    y["zip"] = [1, 1]
    report = attribute_report(y, [np.full((2, 2), 1 / 2)] * 3)
    assert report["prevalence"].isna().tolist() == [True, True, False]
    heading, *lines = format_report(report).splitlines()
    assert heading.split() == [*HEADING.split(), "p", ">chance"]
    assert [line.split() for line in lines] == [
        ["sleeve", "0", "1.000"],
        ["hood", "0", "1.000"],
        ["zip", "2", "0.000", "1.00", "1.000"],
        ["mean", "1.000"],
    ]
    for part in (report.iloc[:1], report.iloc[:0]):
        assert "nan" not in format_report(part)
