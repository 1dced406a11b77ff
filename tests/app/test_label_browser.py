"""The page for labelling in a real browser: by keyboard, through a kill, beside a second window."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="needs the extra app")
pytest.importorskip("selenium", reason="needs selenium, of the extra dev")

from selenium import webdriver
from selenium.common.exceptions import JavascriptException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]

# The grid is in a shadow root, so that styles of the page do not reach it.
FIND = """
const find = (node) => {
  const frame = node.shadowRoot && node.shadowRoot.querySelector(".frame");
  if (frame) return frame;
  for (const part of [...(node.shadowRoot ? node.shadowRoot.children : []), ...node.children]) {
    const found = find(part);
    if (found) return found;
  }
  return null;
};
const frame = find(document.body);
if (!frame) return null;
const texts = (selector) => [...frame.querySelectorAll(selector)].map((e) => e.textContent);
return {
  attribute: texts(".attribute")[0], names: texts(".card .name"), badges: texts(".badge"),
  status: texts(".status")[0], is_sent: frame.classList.contains("sent"),
};
"""


@contextmanager
def served(path, port):
    """Run the command until the block ends; the process is killed, if it still is there."""
    code = "import sys; from attrlearn.cli import main; sys.exit(main())"
    options = ["--no-model", "--no-browser", "--port", str(port), "--attribute", "hood"]
    command = [sys.executable, "-c", code, "label", str(path), *options]
    with subprocess.Popen(command) as process:
        try:
            WebDriverWait(process, 180).until(lambda _: answers(port) or process.poll() is not None)
            yield process
        finally:
            process.kill()


def answers(port):
    try:
        return urlopen(f"http://localhost:{port}/_stcore/health", timeout=1).status == 200
    except (URLError, OSError):
        return False


@contextmanager
def window():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in FLAGS.split():
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(driver, condition):
    """Return the grid once it is as it should be."""

    def is_so(driver):
        grid = driver.execute_script(FIND)
        return grid if grid and not grid["is_sent"] and condition(grid) else None

    return WebDriverWait(driver, 90, ignored_exceptions=[JavascriptException]).until(is_so)


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


@pytest.fixture
def path(images, tmp_path):
    """40 rows with a gap in each, in a file as no library would write it."""
    for i in range(40):
        shutil.copy(images["image"][i % 24], tmp_path / f"{i}.png")
        with open(tmp_path / f"{i}.png", "ab") as file:
            file.write(bytes([i]))  # no two of them are the same
    path = tmp_path / "labels.csv"
    rows = [f'{i}.png; "note, {i}";{["NA", " NA", ""][i % 3]};1' for i in range(40)]
    path.write_bytes(("\ufeffimage;note;hood;zip\r\n" + "\r\n".join(rows)).encode())
    return path


def test_thirty_cells_by_keyboard_survive_a_kill_and_a_second_window(path):
    before = path.read_bytes()
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://localhost:{port}"
    pressed = np.random.default_rng(0).choice(["y", "n"], 30).tolist()
    with window() as driver:
        with served(path, port) as process:
            driver.get(url)
            wait_for(driver, lambda grid: len(grid["names"]) == 18)
            start = time.monotonic()
            press(driver, "y", Keys.BACKSPACE, *pressed[:18], Keys.ENTER)
            wait_for(driver, lambda grid: grid["names"][0] == "18.png")
            seconds = time.monotonic() - start
            press(driver, *pressed[18:24])
            wait_for(driver, lambda grid: grid["status"].startswith("6 of 18"))
            process.kill()
            process.wait()
        with served(path, port):
            driver.refresh()
            # What was pressed and not yet saved is still there.
            words = {"y": "yes", "n": "no"}
            kept = [words[key] for key in pressed[18:24]]
            wait_for(driver, lambda grid: grid["badges"][:7] == [*kept, ""])
            with window() as other:
                other.get(url)
                wait_for(other, lambda grid: grid["names"][0] == "18.png")
                press(driver, *pressed[24:], Keys.ENTER)
                wait_for(driver, lambda grid: grid["names"][0] == "30.png")
                contrary = "n" if pressed[18] == "y" else "y"
                press(other, contrary, Keys.ENTER)
                wait_for(other, lambda grid: grid["names"][0] == "30.png")
                (told,) = other.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert]")
                assert "18.png, hood: someone else wrote" in told.text
    expected = before.decode()
    for i, key in enumerate(pressed):
        row = f'{i}.png; "note, {i}";{["NA", " NA", ""][i % 3]};1'
        value = {"y": "1", "n": "0"}[key]
        new = f'{i}.png; "note, {i}";{["", " ", ""][i % 3]}{value};1'
        assert expected.count(row) == 1
        expected = expected.replace(row, new)
    assert path.read_bytes().decode() == expected
    assert seconds < 30


def test_a_click_answers_too_and_what_is_typed_elsewhere_does_not(path):
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    with window() as driver, served(path, port):
        driver.get(f"http://localhost:{port}")
        wait_for(driver, lambda grid: len(grid["names"]) == 18)
        click = FIND.replace("return {", "frame.querySelectorAll('.pair .no')[3].click(); return {")
        driver.execute_script(click)
        grid = wait_for(driver, lambda grid: grid["badges"][3] == "no")
        assert grid["status"].startswith("1 of 18 answered")
        press(driver, Keys.ARROW_LEFT, "s", "x", " ")  # it has moved on to number 4
        grid = wait_for(driver, lambda grid: grid["badges"][5] == "skipped")
        assert grid["badges"][3:6] == ["skipped", "cannot be told", "skipped"]
        assert "1" not in {line.split(";")[2] for line in path.read_text().splitlines()}
