"""
A gallery of an attribute
=========================

The images that are most wrong, most unsure and most typical of each class: the first look at a
model and at its labels.
"""

from tempfile import mkdtemp

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.model_selection import AttributeShuffleSplit
from attrlearn.plots import GalleryDisplay

# %%
# 400 drawn garments, a fifth of the cells missing. A frozen backbone with random weights is a poor
# one, which leaves something to see.
X, y = make_attribute_images(400, mkdtemp(), random_state=0)
((train, test),) = AttributeShuffleSplit(1, test_size=0.4, random_state=0).split(X, y)
clf = AttributeClassifier("squeezenet1_1", weights=None, image_size=64, random_state=0)
clf.fit(X.iloc[train], y.iloc[train])

# %%
# Below an image are its label and the probability that the attribute is there. Images that are
# wrong are either hard, or labelled wrong.
GalleryDisplay.from_estimator(clf, X.iloc[test], y.iloc[test], attribute="buttons")

# %%
# Of a categorical attribute the label and the most probable class. Unsure cells without a label are
# those to label next.
GalleryDisplay.from_estimator(clf, X.iloc[test], y.iloc[test], attribute="pattern")
