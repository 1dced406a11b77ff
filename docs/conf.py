"""Configuration of the documentation: ``sphinx-build -W -b html docs docs/_build/html``."""

import sys
from pathlib import Path

import attrlearn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import draw_architecture  # noqa: E402
import draw_live_loss_curve  # noqa: E402
import draw_views  # noqa: E402

# Drawn from the source at each build, so that they show the package as it is.
draw_architecture.draw(Path(attrlearn.__file__).parent, HERE / "generated" / "architecture.svg")
draw_views.draw(HERE / "generated" / "views.png")
draw_live_loss_curve.draw(HERE / "generated" / "live_loss_curve.png")

project = "attrlearn"
author = "The attrlearn developers"
project_copyright = author
version = release = attrlearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/*.ipynb", "auto_examples/*.py"]
default_role = "py:obj"

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have types for people
numpydoc_show_class_members = False  # the template of a class lists them

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "doc_module": ("attrlearn",),
    "backreferences_dir": "generated/backreferences",
    "abort_on_example_error": True,
    "show_memory": False,
    "min_reported_time": 0,
    "download_all_examples": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "attrlearn"
html_context = {"default_mode": "light"}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["attrlearn.css"]
html_sidebars = {
    "app": [],
    "architecture": [],
    "audit": [],
    "augmentation": [],
    "categories": [],
    "changelog": [],
    "cluster": [],
    "comparing_models": [],
    "contributing": [],
    "decisions": [],
    "evaluation": [],
    "fine_tuning": [],
    "from_script": [],
    "getting_started": [],
    "heads": [],
    "heat_maps": [],
    "hyperparameter_search": [],
    "label": [],
    "label_errors": [],
    "long_trainings": [],
    "losses": [],
    "millions_of_images": [],
    "progress": [],
    "remote_images": [],
    "several_gpus": [],
}
html_theme_options = {
    "github_url": "https://github.com/attrlearn/attrlearn",
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
