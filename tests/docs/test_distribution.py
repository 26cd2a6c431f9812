"""The wheel and the source distribution hold every file of the package and no others."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("srbench", "study_app")
BESIDE = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md",
          "pyproject.toml", ".gitignore", "PKG-INFO"}  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package_files() -> set[str]:
    """Files of the two packages that git does not ignore."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    names = set(listing.stdout.split("\0")) - {""}
    return {name for name in names if (CHECKOUT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=CHECKOUT, check=True
    )
    return folder


def test_the_wheel_is_the_package(built, package_files):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == package_files
    assert wheel.stat().st_size < 40e6


def test_the_source_distribution_is_the_package_and_what_builds_it(built, package_files):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == package_files | BESIDE
