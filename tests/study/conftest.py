"""Small results folders of real photographs, and databases of both kinds."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from study_servers import strolling_clock

from srbench.data import open_dataset
from srbench.imaging import crop_to_multiple, imresize, write_png
from srbench.study.making import new_study
from srbench.study.manifest import Anchor, Manifest, Rules, Stimulus
from srbench.study.procedure import ACR, SAME
from srbench.study.store import Study, open_study

SCALE = 4


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """Results of three methods on eight cut-outs, 64x48, of two data sets."""
    root = tmp_path_factory.mktemp("results")
    sample = open_dataset("sample", None)
    for number, name in enumerate(sample.ids[:4]):
        for dataset, corner in (("Five", 40), ("Fourteen", 120)):
            hr = crop_to_multiple(sample.read(name)[corner : corner + 48, corner : corner + 64], 4)
            lr = imresize(hr, 1 / SCALE)
            bicubic = imresize(lr, SCALE)
            versions = {
                "HR": hr,
                "nearest": lr.repeat(SCALE, 0).repeat(SCALE, 1),
                "bicubic": bicubic,
                "srgan-mse": ((bicubic.astype(int) + hr) // 2).astype("uint8"),
            }
            for method, image in versions.items():
                write_png(root / f"images/{dataset}/x4/{method}/{name}{number}.png", image)
    return root


@pytest.fixture(scope="session")
def calibration(tmp_path_factory) -> Path:
    """A data root with a set `Practice` of three small images."""
    root = tmp_path_factory.mktemp("data")
    sample = open_dataset("sample", None)
    for number, name in enumerate(sample.ids[:3]):
        write_png(root / f"Practice/HR/p{number}.png", sample.read(name)[200:248, 200:264])
    return root


@pytest.fixture(scope="session")
def made_once(results, calibration, tmp_path_factory) -> Path:
    """A study folder that is copied, never changed."""
    out = tmp_path_factory.mktemp("made") / "study"
    new_study(
        results, out, calibration="Practice", data_root=calibration, retests=2, gold=1, raters=5
    )
    return out


@pytest.fixture
def folder(made_once, tmp_path) -> Path:
    """A study for this test: 32 main, 2 retest and 2 gold trials after 4 for practice."""
    shutil.copytree(made_once, tmp_path / "study")
    return tmp_path / "study"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request) -> str | None:
    """The URL of an empty database; None is SQLite in the study's folder."""
    if request.param == "sqlite":
        return None
    return request.getfixturevalue("new_database")()


@pytest.fixture
def study(folder, database) -> Iterator[Study]:
    opened = open_study(folder, database, clock=strolling_clock())
    yield opened
    opened.store.close()


@pytest.fixture(scope="session")
def design() -> Callable[..., Manifest]:
    """Builds a manifest without pictures: versions per content, practice images, gold, rules, and
    what is asked."""

    def build(versions, practice=2, gold=0, seed=0, asks=ACR, pairs="all", **rules) -> Manifest:
        def stimulus(dataset, image, method):
            name = hashlib.sha256(f"{seed}{dataset}{image}{method}".encode()).hexdigest()[:32]
            return Stimulus(
                id=name, dataset=dataset, image=image, method=method, width=64, height=48
            )

        def anchors(dataset, count):
            return [stimulus(dataset, f"i{i}", m) for i in range(count) for m in ("nearest", "HR")]

        def graded(stimuli):
            return tuple(
                Anchor(stimulus=s.id, expected=5 if s.method == "HR" else 1) for s in stimuli
            )

        main, items = [], []
        for content, count in enumerate(versions):
            questions = asks.questions([f"m{v}" for v in range(count)], pairs)
            shown = {m: stimulus("D", f"c{content}", m) for q in questions for m in q}
            main += shown.values()
            items += [tuple(shown[m].id for m in q) for q in questions]
        rated = {stimulus for item in items for stimulus in asks.rated(item)}
        practised, golden = anchors("P", practice), anchors("G", gold)
        return Manifest(
            title="t",
            preset="short",
            scale=4,
            seed=seed,
            procedure=asks.name,
            mode=asks.mode,
            no_difference=SAME in asks.answers and asks.name == "pair",
            pairs=tuple(items) if asks.name == "pair" else (),
            method=asks.standard,
            rules=Rules(**rules),
            stimuli=(*main, *practised, *golden),
            main=tuple(s.id for s in main if s.id in rated),
            calibration=graded(practised),
            gold=graded(golden),
            questionnaire=(),
            texts={"en": {"consent": "yes?"}},
        )

    return build
