"""``attrlearn app``: a page in the browser that predicts what is uploaded."""

import argparse
from pathlib import Path

import numpy as np

from attrlearn.app.launch import Served, check_address, check_streamlit, serve
from attrlearn.cli.options import PREDICTION_OPTIONS, given_options
from attrlearn.cli.predict import check_names, load_model

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Serve the page of a model until it is interrupted."""
    check_streamlit()
    clf = load_model(arguments.model)
    if clf.network_.backbone is None:
        raise ValueError(
            f"MODEL must predict images. Got {arguments.model!r}, which was fitted on features "
            "(backbone=None). Train one with a backbone."
        )
    check_names(clf.attribute_names_, ["image", "category"] if len(clf.categories_) else ["image"])
    clf.set_params(on_bad_image="drop", **given_options(arguments, PREDICTION_OPTIONS))
    # What prediction lacks here, such as the device, is an error now and not at the first upload.
    clf.predict_table(np.zeros((8, 8, 3), np.uint8), *clf.categories_[:1])
    check_address(arguments.host, arguments.port)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"page: http://{host}:{arguments.port} (Ctrl+C ends it)", flush=True)
    serve(
        Served(clf, Path(arguments.model).name),
        host=arguments.host,
        port=arguments.port,
        max_upload=arguments.max_upload,
        browser=arguments.browser,
    )
    return 0
