import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from attrlearn import __version__
from attrlearn.cli import main


@pytest.fixture
def command(monkeypatch):
    """Put a function in the place of `attrlearn demo`."""

    def replace(run):
        monkeypatch.setitem(sys.modules, "attrlearn.cli.demo", SimpleNamespace(run=run))
        return ["demo"]

    return replace


@pytest.mark.parametrize(
    "argv", [["--help"], ["train", "--help"], ["predict", "--help"], ["app", "--help"]]
)
def test_help_imports_nothing_heavy(argv):
    code = (
        f"import sys; from attrlearn.cli import main; code = main({argv}); "
        "print({'torch', 'torchvision', 'sklearn', 'pandas', 'numpy', 'matplotlib', 'PIL'}"
        " & set(sys.modules), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: attrlearn")
    assert done.stdout.endswith("set() 0\n")


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"attrlearn {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["tran"], "invalid choice: 'tran'"),
        (["train", "labels.csv"], "the following arguments are required: --out"),
        (["predict", "model.joblib"], "required: IMAGE|DIR|CSV"),
        (
            ["train", "labels.csv", "--out", "m", "--epochs", "3"],
            "unrecognized arguments: --epochs",
        ),
    ],
)
def test_wrong_arguments_give_2_and_the_reason(argv, words, capsys):
    assert main(argv) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", [ValueError, TypeError, FileNotFoundError, ImportError])
def test_errors_of_the_input_are_one_line_and_give_2(command, capsys, kind):
    def run(arguments):
        raise kind("first\nsecond")

    assert main(command(run)) == 2
    assert capsys.readouterr().err == "attrlearn demo: error: first second\n"


def test_other_errors_are_bugs_and_keep_their_traceback(command):
    def run(arguments):
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        main(command(run))


def test_warnings_are_one_line_each_and_the_filters_stay_as_they_were(command, capsys):
    def run(arguments):
        for _ in range(2):
            warnings.warn("first\nsecond", stacklevel=1)
        return 0

    before = warnings.filters[:], warnings.showwarning
    assert main(command(run)) == 0
    assert capsys.readouterr().err == "attrlearn: warning: first second\n"
    assert (warnings.filters, warnings.showwarning) == before


def test_an_interrupt_gives_130_without_a_traceback(command, capsys):
    def run(arguments):
        raise KeyboardInterrupt

    assert main(command(run)) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_seen_enough_is_no_error():
    script = Path(__file__).parent / "scripts" / "print_for_ever.py"
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, script], **streams) as process:
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""
