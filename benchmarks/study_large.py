"""The time of the researcher's page and of the export in a study of 100,000 votes.

    python benchmarks/study_large.py

Makes a study of 1,128 tiny stimuli with 89 simulated raters in a temporary folder, serves it, and
measures in a browser. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from study_servers import served

from srbench.data import open_dataset
from srbench.imaging import write_png
from srbench.study.keys import PASSWORD_VARIABLE, hash_password
from srbench.study.making import new_study
from srbench.study.simulate import simulate
from srbench.study.store import open_study
from study_app.driving import CHROMIUM_FLAGS

PASSWORD = "only for this run"
CONTENTS, METHODS, RATERS = 94, 11, 89


def make(root: Path) -> Path:
    """94 contents in 12 versions of 16x16 pixels, rated by 89 simulated raters."""
    photograph = open_dataset("sample", None).read("astronaut")
    for content in range(CONTENTS):
        top, left = 32 * (content // 12), 32 * (content % 12)
        picture = photograph[top : top + 16, left : left + 16]
        for method in ["HR", *(f"method{number}" for number in range(METHODS))]:
            write_png(root / f"results/images/Many/x4/{method}/c{content:03d}.png", picture)
    rules = {"preset_name": "paper", "methods": [f"method{n}" for n in range(METHODS)]}
    made = new_study(root / "results", root / "study", raters=RATERS, retests=0, **rules)
    simulate(open_study(made.folder).store, RATERS, seed=1)
    return made.folder


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="srbench-"))
    os.environ[PASSWORD_VARIABLE] = hash_password(PASSWORD)
    seconds: dict[str, list[float]] = {"page": [], "ratings": [], "answers": []}
    try:
        folder = make(root)
        with served(folder) as url, sync_playwright() as playwright:
            executable = os.environ.get("SRBENCH_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
            page = browser.new_page()
            for _ in range(3):
                page.goto(f"{url}/admin")
                page.locator("input[type=password]").fill(PASSWORD)
                start = time.perf_counter()
                page.get_by_role("button", name="Sign in").click()
                export = page.get_by_role("button", name="Download the ratings table")
                export.wait_for()
                seconds["page"].append(time.perf_counter() - start)
                for name, button in [("ratings", "ratings table"), ("answers", "answers")]:
                    start = time.perf_counter()
                    with page.expect_download() as download:
                        page.get_by_role("button", name=button).click()
                    lines = download.value.path().read_bytes().count(b"\n")
                    seconds[name].append(time.perf_counter() - start)
                    if name == "ratings":
                        votes = lines - 1
            browser.close()
        found = {name: [round(s, 2) for s in many] for name, many in seconds.items()}
        json.dump({"votes": votes, "seconds": found, "load": os.getloadavg()[0]}, sys.stdout)
        print()
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
