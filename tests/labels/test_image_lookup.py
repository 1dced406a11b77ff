import os

import pytest

from attrlearn.labels.image_lookup import find_images, list_images


@pytest.fixture
def folder(tmp_path):
    for file in ("1163.jpg", "0042.JPG", "v1.2.png", "7.jpg", "7.png", "7.json", "8.json", "raw"):
        (tmp_path / file).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "9.webp").touch()
    (tmp_path / "sub.jpg").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("1163.jpg", ["1163.jpg"]),
        ("1163", ["1163.jpg"]),
        ("./1163", ["1163.jpg"]),
        ("0042", ["0042.JPG"]),
        ("42", []),
        ("v1.2", ["v1.2.png"]),
        ("7", ["7.jpg", "7.png"]),
        ("7.jpg", ["7.jpg"]),
        ("8", []),
        ("raw", ["raw"]),
        ("sub", ["sub.jpg"]),
        ("sub/9", [os.path.join("sub", "9.webp")]),
        ("sub/1163", []),
        ("absent/1163.jpg", []),
        ("1163.png", []),
    ],
)
def test_a_name_finds_its_files(folder, name, files):
    assert find_images([name], folder) == [files]


def test_an_absolute_name_does_not_need_the_folder(folder):
    path = str(folder / "1163.jpg")
    assert find_images([path], folder / "elsewhere") == [[path]]


def test_a_folder_is_listed_once(folder, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    find_images(["1163", "7", "sub/9", "sub/10", "absent.jpg"], folder)
    assert listed == [folder, folder / "sub"]


def test_images_below_a_folder_are_listed_once_and_hidden_ones_left_out(folder):
    (folder / "sub.jpg").unlink()
    (folder / "sub" / "deep.png").mkdir()
    (folder / "sub" / "deep.png" / "1.png").touch()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "2.png").touch()
    (folder / "._7.jpg").touch()
    found = [os.path.relpath(path, folder) for path in list_images(folder)]
    deep = os.path.join("sub", "deep.png", "1.png")
    top = ["0042.JPG", "1163.jpg", "7.jpg", "7.png"]
    assert found == [*top, os.path.join("sub", "9.webp"), deep, "v1.2.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need a permission on Windows")
def test_links_to_folders_are_followed_and_none_for_ever(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "3.png").touch()
    (elsewhere / "back").symlink_to(folder)
    (folder / "link").symlink_to(elsewhere)
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "again").symlink_to(elsewhere)
    images = list_images(folder)
    assert len(images) == 8
    assert [os.path.basename(path) for path in images].count("3.png") == 1


def test_a_folder_that_cannot_be_listed_is_an_error(folder):
    with pytest.raises(FileNotFoundError, match="absent"):
        list_images(folder / "absent")
