"""The page in a real browser, as a person uses it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from urllib.error import URLError
from urllib.request import urlopen

import joblib
import pandas as pd
import pytest

pytest.importorskip("streamlit", reason="needs the extra app")
pytest.importorskip("selenium", reason="needs selenium, of the extra dev")

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]


def answers(url):
    try:
        return urlopen(url, timeout=1).status == 200
    except (URLError, OSError):
        return False


@pytest.fixture
def address(clf, tmp_path):
    """Where `attrlearn app` serves the model; it ends well at Ctrl+C."""
    model = joblib.dump(clf, tmp_path / "model.joblib")[0]
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    code = "import sys; from attrlearn.cli import main; sys.exit(main())"
    options = ["--port", str(port), "--no-browser", "--max-upload", "1"]
    command = [sys.executable, "-c", code, "app", model, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        url = f"http://localhost:{port}"
        try:
            WebDriverWait(process, 180).until(
                lambda process: answers(f"{url}/_stcore/health") or process.poll() is not None
            )
            yield url
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "page.py" not in errors  # in a traceback


@pytest.fixture
def driver(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    folder = {"behavior": "allow", "downloadPath": str(tmp_path)}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
    yield driver
    driver.quit()


def test_a_person_uploads_images_moves_the_slider_and_downloads_the_table(
    address, driver, images, tmp_path
):
    def find(selector):
        return driver.find_elements(By.CSS_SELECTOR, selector)

    def wait_until(condition):
        """Wait until it holds and the page is at rest."""
        wait = WebDriverWait(driver, 90, ignored_exceptions=[StaleElementReferenceException])
        wait.until(lambda _: condition() and find("[data-test-script-state=notRunning]"))

    def upload(*paths):
        wait_until(lambda: find("input[type=file]"))
        (field,) = find("input[type=file]")
        driver.execute_script("arguments[0].value = ''", field)  # else it sends the last files too
        field.send_keys("\n".join(map(str, paths)))

    def n_there():
        return len(find(".attrlearn-bars .there"))

    def sources():
        return [image.get_attribute("src") for image in find("[data-testid=stImage] img")]

    driver.get(address)
    first, second = images["image"][:2]
    upload(first, second)
    wait_until(lambda: len(find(".attrlearn-bars")) == 2)
    before = sources()
    find("[data-testid=stSelectbox] input")[-1].send_keys("hood", Keys.ENTER)
    wait_until(lambda: len(set(sources()) - set(before)) == 2)  # a heat map in place of each image
    assert len(sources()) == len(before)
    # Which of its parts can be typed into differs between versions of Streamlit.
    slider = find("[data-testid=stSlider] [role=slider], [data-testid=stSlider] input")[0]
    driver.execute_script("arguments[0].focus()", slider)
    ActionChains(driver).send_keys(Keys.HOME).perform()
    # Of each image the two binary attributes, at threshold 0, and the class of the third.
    wait_until(lambda: n_there() == 6)
    find("[data-testid=stDownloadButton] button")[0].click()
    wait_until((tmp_path / "predictions.csv").exists)
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table["image"].tolist() == ["0.png", "1.png"]
    assert (table[["hood", "_zip_ *up*"]] == 1).all(axis=None)
    assert table["hood_proba"].between(0, 1, inclusive="neither").all()

    (tmp_path / "notes.jpg").write_text("just text")
    upload(tmp_path / "notes.jpg")
    wait_until(lambda: find("[data-testid=stAlert]"))
    sentence = "Could not read notes.jpg: not an image Pillow can read. Upload another."
    assert find("[data-testid=stAlert]")[0].text == sentence
    assert n_there() == 6

    (tmp_path / "large.jpg").write_bytes(bytes(1_100_000))
    upload(tmp_path / "large.jpg")
    wait_until(lambda: "1.0MB or smaller" in find("[data-testid=stFileUploader]")[0].text)

    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
