"""The package: its files and its ZIP archive."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shlex
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from .. import __version__
from ..benchmark.frames import scores_frame
from ..csv_cells import csv_text
from ..data.catalogue import catalogue
from ..data.pixels import pixel_sha256
from ..errors import StudyError
from ..files import atomic_path
from ..imaging.files import read_image
from ..observer import Observer
from ..report.analysis import write_study_analysis
from ..stats.doubts import taken_for_original
from ..stats.pair_answers import is_pair_table
from ..stats.reading import read_study_table
from ..study.doubts import doubtful_votes
from ..study.manifest import MANIFEST_FILE, STIMULI_FOLDER, stimulus_path
from ..study.ratings import export_ratings
from ..study.store import Study
from ..wording import counted
from .codebook import codebook_csv
from .metadata import DataTable, croissant, psych_ds
from .statement import Statement
from .votes import PublicVotes, public_votes

# The earliest date of the ZIP format, so that the bytes do not depend on the time.
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_PICTURES = ("dataset", "image", "method")


@dataclass(frozen=True)
class Packaged:
    """The packed files and notes for the owner before publication."""

    files: int
    votes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Analysed:
    """The settings of the results in the package: the options of `srbench study analyze`."""

    scores: Path | None = None
    compare: str = ""
    equivalent: float | None = None
    resamples: int = 2000
    seed: int = 0

    def options(self) -> str:
        """The options that differ from their defaults, as typed."""
        words: list[str] = []
        words += ["--scores", "materials/scores.csv"] if self.scores else []
        words += ["--compare", self.compare] if self.compare else []
        words += ["--equivalent", f"{self.equivalent:g}"] if self.equivalent is not None else []
        words += ["--resamples", str(self.resamples)] if self.resamples != 2000 else []
        words += ["--seed", str(self.seed)] if self.seed else []
        return "".join(f" {shlex.quote(word)}" for word in words)


def write_package(
    source: Study | Path,
    out: Path,
    said: Statement,
    *,
    stimuli: bool = False,
    analysed: Analysed | None = None,
    observer: Observer | None = None,
) -> Packaged:
    """Write a study, or a ratings file, as a package: a ZIP file in the form of Psych-DS.

    It contains the ratings under pseudonyms, a table of the stimuli with their hashes, a codebook
    of every column, Psych-DS and Croissant metadata, and the analysis of exactly these ratings; for
    a study also its manifest and texts, and with ``stimuli`` the pictures. `read_study_table` reads
    the ratings of a package. ``out`` is written atomically.

    Raises:
        StudyError: ``stimuli`` is set although the source is a file, or the study declares other
            comparisons than ``analysed``.
        RatingsError: the ratings cannot be used.
        ResultsError: the scores cannot be used, or ``out`` cannot be written to.
        ConfigError: the comparisons or the margin of ``analysed`` are not valid.
    """
    analysed = analysed or Analysed()
    study = source if isinstance(source, Study) else None
    if study and (declared := study.manifest.compare):
        if analysed.compare not in ("", declared):
            raise StudyError(
                f"the study declares the comparisons {declared}, not {analysed.compare}; leave "
                "out --compare"
            )
        analysed = replace(analysed, compare=declared)
    if stimuli and study is None:
        raise StudyError("--stimuli needs the study's folder: a ratings file has no pictures")
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(scratch) / "given.csv"
        if isinstance(source, Study):
            if not export_ratings(source.store, given):
                raise StudyError(f"there are no ratings yet in {source.store.address}")
        else:
            given = source
        votes = read_study_table(given)
        public = public_votes(votes)
        name = study.manifest.study_id if study else "ratings"
        path = f"data/study-{name}_data.csv"
        packed = Path(scratch) / "ratings.csv"
        packed.write_text(public.text, encoding="utf-8")
        results = Path(scratch) / "results"
        write_study_analysis(
            read_study_table(packed),
            results,
            scores_frame(analysed.scores) if analysed.scores else None,
            compare=analysed.compare,
            equivalent=analysed.equivalent,
            resamples=analysed.resamples,
            seed=analysed.seed,
            observer=observer,
        )
        files = {path: public.text.encode("utf-8")}
        files |= _materials(study, analysed.scores)
        for file in sorted(results.rglob("*")):
            if file.is_file():
                files[f"results/{file.relative_to(results).as_posix()}"] = file.read_bytes()
    columns, rows = _stimuli(study, votes)
    listed = f"data/study-{name}_description-stimuli_data.csv"
    files[listed] = _csv(columns, rows).encode("utf-8")
    tables = [
        DataTable("ratings", path, public.columns, public.gaps),
        DataTable("stimuli", listed, columns, frozenset()),
    ]
    files["documentation/codebook.csv"] = codebook_csv(_columns(files, tables)).encode("utf-8")
    title = said.title or (study.manifest.title if study else "Ratings of super-resolved images")
    said = replace(said, title=title)
    about = _about(votes)
    doubt = doubtful_votes(study.store) if study else None
    readme = _readme(said, about, path, analysed, votes, set(files), stimuli, doubt)
    files["README.md"] = readme.encode("utf-8")
    files[".psychds-ignore"] = b"metadata.json\n"
    files["dataset_description.json"] = psych_ds(said, about, tables).encode("utf-8")
    files["metadata.json"] = croissant(said, about, tables, files).encode("utf-8")
    pictures = [s.id for s in study.manifest.stimuli] if stimuli and study else []
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for inside, content in sorted(files.items()):
            archive.writestr(_entry(inside, zipfile.ZIP_DEFLATED), content)
        for each in pictures:
            assert study is not None
            entry = _entry(f"materials/{STIMULI_FOLDER}/{each}.png", zipfile.ZIP_STORED)
            archive.writestr(entry, stimulus_path(study.folder, each).read_bytes())
    notes = _notes(public, study, votes, stimuli)
    return Packaged(len(files) + len(pictures), len(votes), tuple(notes))


def _entry(path: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _EARLIEST)
    entry.compress_type = kind
    entry.external_attr = 0o644 << 16
    return entry


def _materials(study: Study | None, scores: Path | None) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if study:
        files[f"materials/{MANIFEST_FILE}"] = (study.folder / MANIFEST_FILE).read_bytes()
        texts = json.dumps(study.manifest.texts, indent=1, ensure_ascii=False) + "\n"
        files["materials/texts.json"] = texts.encode("utf-8")
    if scores:
        files["materials/scores.csv"] = scores.read_bytes()
        record = scores.with_name("run.json")
        if record.is_file():
            files["materials/run.json"] = record.read_bytes()
    return files


def _stimuli(study: Study | None, votes: pd.DataFrame) -> tuple[list[str], list[Sequence[object]]]:
    """The stimuli: all of a study with their hashes, or the rated names of a file."""
    if study is None:
        shown = [["dataset", "image", m] for m in ("method_a", "method_b", "method") if m in votes]
        parts = [votes[names].set_axis(_PICTURES, axis=1) for names in shown]
        found = pd.concat(parts).drop_duplicates().sort_values(list(_PICTURES))
        return [*_PICTURES], list(found.itertuples(index=False, name=None))
    manifest = study.manifest
    phases = {
        "main": set(manifest.main),
        "training": {anchor.stimulus for anchor in manifest.calibration},
        "gold": {anchor.stimulus for anchor in manifest.gold},
    }
    rows: list[Sequence[object]] = []
    for each in manifest.stimuli:
        file = stimulus_path(study.folder, each.id)
        rows.append(
            (
                *(each.id, each.dataset, each.image, each.method, each.width, each.height),
                " ".join(phase for phase, ids in phases.items() if each.id in ids),
                hashlib.sha256(file.read_bytes()).hexdigest(),
                pixel_sha256(read_image(file)),
            )
        )
    sizes = ["width", "height", "phases", "sha256", "pixels_sha256"]
    return ["stimulus", *_PICTURES, *sizes], rows


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return csv_text([columns, *rows])


def _columns(files: Mapping[str, bytes], tables: Sequence[DataTable]) -> dict[str, list[str]]:
    """The columns of every CSV in the package, by the table's name in the codebook."""
    names = {table.path: table.name for table in tables}
    found: dict[str, list[str]] = {}
    for path, content in sorted(files.items(), key=lambda item: not item[0].startswith("data/")):
        if path.endswith(".csv"):
            header = next(csv.reader(io.StringIO(content.decode("utf-8"))))
            name = names.get(path) or path.removesuffix(".csv")
            found[name] = header
    return found


def _about(votes: pd.DataFrame) -> str:
    main = votes[votes["phase"] == "main"]
    pairs = is_pair_table(votes)
    what = "answers to pair comparisons" if pairs else "ratings"
    methods: set[str] = set()
    for column in ("method_a", "method_b") if pairs else ("method",):
        methods |= set(main[column])
    images = len(main[["dataset", "image"]].drop_duplicates())
    made = float(votes["simulated"].mean())
    people = "simulated raters, not people" if made == 1 else "raters"
    mixed = f", {100 * made:.0f} % of them simulated" if 0 < made < 1 else ""
    return (
        f"{len(main):,} {what} of {main['rater'].nunique():,} {people}, on "
        f"{counted(images, 'image')} ({', '.join(sorted(set(main['dataset'])))}) in "
        f"{counted(len(methods), 'version')} ({', '.join(sorted(methods))}){mixed}. Collected for "
        f"the evaluation of image super-resolution; packed by srbench {__version__}."
    )


def _readme(
    said: Statement,
    about: str,
    path: str,
    analysed: Analysed,
    votes: pd.DataFrame,
    files: set[str],
    stimuli: bool,
    doubt: object,
) -> str:
    cite = said.citation.strip()
    materials = []
    if f"materials/{MANIFEST_FILE}" in files:
        materials += [
            "manifest and texts of the study",
            "the pictures" if stimuli else "no pictures",
        ]
    if "materials/scores.csv" in files:
        materials.append("the scores of the pictures")
    lines = [
        f"# {said.title}\n\n{about}\n",
        f"- Authors: {'; '.join(said.creators)}",
        f"- Published: {said.published}" + (f", {said.url}" if said.url else ""),
        f"- Licence: {said.licence}. It covers the ratings, the metadata and the results, not the "
        "pictures.",
        f"\nCite as:\n\n{cite}\n",
        "## Files\n",
        "| path | what |\n|---|---|",
        f"| `{path}` | one row per vote; raters have pseudonyms, times of day are left out |",
        "| `data/*_description-stimuli_data.csv` | the stimuli, with hashes if known |",
        "| `documentation/codebook.csv` | every column of every CSV file |",
        "| `dataset_description.json`, `metadata.json` | Psych-DS and Croissant metadata |",
        *([f"| `materials/` | {'; '.join(materials)} |"] if materials else []),
        "| `results/` | the results of the command below |",
        "\n## Repeat the results\n",
        f"    srbench study analyze --ratings {path}{analysed.options()} --out again\n",
        f"With srbench {__version__} and the library versions named at the end of "
        "`results/analysis.html` the files are identical, byte for byte.",
    ]
    if stimuli:
        lines.append(
            "\nWith the pictures, `materials/` is a study's folder: `srbench study import "
            f"materials {path}` adds the ratings to its database."
        )
    sets = {name: catalogue()[name].licence for name in sorted(set(votes["dataset"]))
            if name in catalogue()}  # fmt: skip
    if sets:
        lines.append("\n## Terms of the pictures\n")
        lines += [f"- {name}: {licence}" for name, licence in sets.items()]
    if doubt:
        lines.append(f"\n## Known doubts\n\n{doubt}")
    return "\n".join(lines) + "\n"


def _notes(
    public: PublicVotes, study: Study | None, votes: pd.DataFrame, stimuli: bool
) -> list[str]:
    notes: list[str] = []
    if said := taken_for_original(votes):
        notes.append(said)
    if public.renamed:
        notes.append(f"{counted(public.renamed, 'rater')} got another name, chosen at random")
    if public.left_out:
        notes.append(f"columns left out: {', '.join(public.left_out)}")
    if study and study.manifest.rules.return_url:
        notes.append(
            "materials/manifest.json names the address that raters were sent back to: "
            f"{study.manifest.rules.return_url}"
        )
    if stimuli:
        sets = ", ".join(sorted(set(votes["dataset"])))
        notes.append(f"the pictures of {sets} have their own licences: you need the right to share")
    return notes
