import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attrlearn.labels.cells import merge_rows, read_classes

GROUPED = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        arrays(int, (n, 3), elements=st.integers(-1, 2)),
        arrays(int, n, elements=st.integers(0, 3)),
    )
)


@given(GROUPED)
def test_merging_agrees_with_a_plain_loop(table):
    codes, labels = table
    groups = np.unique(labels, return_inverse=True)[1]
    merged, conflict = merge_rows(codes, groups)
    for group in range(groups.max() + 1):
        for column in range(codes.shape[1]):
            labelled = {code for code in codes[groups == group, column] if code >= 0}
            assert merged[group, column] == (labelled.pop() if len(labelled) == 1 else -1)
            assert conflict[group, column] == bool(labelled)


@given(GROUPED, st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order_of_rows(table, random):
    codes, labels = table
    groups = np.unique(labels, return_inverse=True)[1]
    order = list(range(len(groups)))
    random.shuffle(order)
    shuffled, _ = merge_rows(codes[order], groups[order])
    np.testing.assert_array_equal(shuffled, merge_rows(codes, groups)[0])


def test_numeric_classes_are_sorted_by_value_and_kept_as_written():
    column = read_classes(np.array(["10", " 9", "NA", "1.50", "9 ", ""], dtype=object), ["NA"])
    assert column.classes == ["1.50", "9", "10"]
    assert column.codes.tolist() == [2, 1, -1, 0, 1, -1]


def test_text_classes_are_sorted_as_text():
    column = read_classes(np.array(["b", "10", "9"], dtype=object), [])
    assert column.classes == ["10", "9", "b"]


def test_classes_that_no_longer_occur_are_left_out():
    column = read_classes(np.array(["a", "b", "c"], dtype=object), [])
    kept = column._replace(codes=column.codes[[0, 2]]).decode()
    assert list(kept.cat.categories) == ["a", "c"]
