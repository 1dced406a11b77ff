import socket
from copy import copy

import joblib
import pytest

from attrlearn.app import launch
from attrlearn.cli import app, main


@pytest.fixture
def calls(monkeypatch):
    """Calls of what serves the page, which serves nothing here."""
    calls = []
    monkeypatch.setattr(app, "check_streamlit", lambda: None)
    monkeypatch.setattr(app, "serve", lambda model, **how: calls.append((model, how)))
    return calls


@pytest.fixture
def port():
    """A port that is free."""
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def test_the_model_is_served_on_this_machine_alone(calls, model, port, capsys):
    assert main(["app", model, "--port", str(port)]) == 0
    ((served, how),) = calls
    assert served.name == "model.joblib"
    assert served.clf.on_bad_image == "drop"
    assert how == {"host": "localhost", "port": port, "max_upload": 25, "browser": True}
    assert capsys.readouterr().out == f"page: http://localhost:{port} (Ctrl+C ends it)\n"


def test_options_are_passed_on(calls, model, port, capsys):
    options = ["--host", "127.0.0.1", "--max-upload", "3", "--no-browser", "--engine", "torch"]
    assert main(["app", model, "--port", str(port), *options]) == 0
    ((served, how),) = calls
    assert how == {"host": "127.0.0.1", "port": port, "max_upload": 3, "browser": False}
    assert served.clf.engine == "torch"
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_without_streamlit_the_error_says_what_to_install(model, monkeypatch, capsys):
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    assert main(["app", model]) == 2
    assert capsys.readouterr().err == (
        "attrlearn app: error: The page needs Streamlit. Run: pip install 'attrlearn[app]'\n"
    )


@pytest.mark.parametrize("content", [None, "text", {"a": 1}])
def test_a_model_that_is_none_is_the_error_of_predict(content, calls, tmp_path, capsys):
    path = tmp_path / "model"
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        joblib.dump(content, path)
    assert main(["predict", str(path), "a.png"]) == 2
    expected = capsys.readouterr().err.replace("attrlearn predict", "attrlearn app")
    assert main(["app", str(path)]) == 2
    assert capsys.readouterr().err == expected
    assert not calls


def test_a_model_of_features_is_an_error(calls, tabular, tmp_path, capsys):
    path = joblib.dump(tabular.fit([[0.0], [1.0]], [[0], [1]]), tmp_path / "model")[0]
    assert main(["app", path]) == 2
    assert f"MODEL must predict images. Got {path!r}, which" in capsys.readouterr().err
    assert not calls


def test_what_prediction_cannot_do_is_an_error_before_the_page_is_served(
    calls, model, clf, tmp_path, capsys
):
    assert main(["app", model, "--device", "cuda:99"]) == 2
    assert "--device" in capsys.readouterr().err
    other = copy(clf)
    other.attribute_names_ = ["image", *clf.attribute_names_[1:]]
    path = joblib.dump(other, tmp_path / "model")[0]
    assert main(["app", path]) == 2
    assert "Got the attribute 'image'" in capsys.readouterr().err
    assert not calls


def test_an_address_that_is_taken_or_not_of_this_machine_is_an_error(calls, model, capsys):
    with socket.create_server(("localhost", 0)) as server:
        port = str(server.getsockname()[1])
        assert main(["app", model, "--port", port]) == 2
    assert f"that is free. Got --host 'localhost' --port {port}: Addr" in capsys.readouterr().err
    assert main(["app", model, "--host", "192.0.2.1"]) == 2
    assert "Got --host '192.0.2.1' --port 8501: Cannot assign" in capsys.readouterr().err
    assert not calls


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--port", "0"], "--port: must be an integer from 1 to 65535. Got '0'"),
        (["--port", "http"], "--port: must be an integer from 1 to 65535. Got 'http'"),
        (["--max-upload", "-1"], "--max-upload: must be an integer from 1 to 1000. Got '-1'"),
        (["--max-upload", "1.5"], "--max-upload: must be an integer from 1 to 1000. Got '1.5'"),
    ],
)
def test_numbers_out_of_range_are_errors(argv, words, capsys):
    assert main(["app", "model", *argv]) == 2
    assert words in capsys.readouterr().err
