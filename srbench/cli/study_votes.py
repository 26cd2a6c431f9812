"""``srbench study export|import|erase|analyze|package``: the votes of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, SrbenchError, StudyError
from ..files import atomic_path, require_replaceable, resolved
from ..wording import counted
from .options import (
    CompareOption,
    a_csv,
    a_file,
    a_folder,
    require_one_of,
)
from .saying import say
from .study import DatabaseOption, FolderArgument, study_app

StudyArgument = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="The study's folder.", callback=a_folder)
]
RatingsOption = Annotated[
    Path | None, typer.Option(help="Ratings table, instead of a study's folder.", callback=a_file)
]


@study_app.command("export")
def export(
    folder: FolderArgument,
    out: Annotated[Path, typer.Option(help="CSV file of the votes.", callback=a_csv)],
    answers: Annotated[
        Path | None, typer.Option(help="CSV file of raters, screens and answers.", callback=a_csv)
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of completion codes, whom to pay and whose votes to use.",
            callback=a_csv,
        ),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Export the ratings table and the table of raters."""
    import csv
    import io
    from contextlib import ExitStack

    from ..study import open_study
    from ..study.answers import answers_csv
    from ..study.decisions import decisions_csv
    from ..study.ratings import ratings_csv
    from .console import working

    # Before anything is written: overwritten access codes, for example, cannot be restored.
    for path, beginning, what in (
        (out, "rater,dataset,image,", "a table of votes"),
        (answers, "rater,simulated,began_at,", "a table of raters"),
        (decisions, "rater,simulated,paid,", "a table of decisions"),
    ):
        if path is not None:
            require_replaceable(path, beginning, what)
    places = [resolved(path) for path in (out, answers, decisions) if path is not None]
    if len(set(places)) < len(places):
        raise ConfigError(
            "two of --out, --answers and --decisions are one file; give each another name"
        )
    with working("reading the votes"):
        store = open_study(folder, database, existing=True).store
        wanted = [
            (path, text(store), thing)
            for path, text, thing in (
                (out, ratings_csv, "vote"),
                (answers, answers_csv, "rater"),
                (decisions, decisions_csv, "decision"),
            )
            if path is not None
        ]
    with ExitStack() as all_or_none:
        for path, text, _ in wanted:
            all_or_none.enter_context(atomic_path(path)).write_text(text, "utf-8", newline="")
    for path, text, thing in wanted:
        records = sum(1 for _ in csv.reader(io.StringIO(text, newline=""))) - 1
        say(f"{counted(records, thing)} written to {path}")


@study_app.command("import")
def import_(
    folder: FolderArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Ratings table or package.", callback=a_file)
    ],
    database: DatabaseOption = None,
) -> None:
    """Import the votes of a ratings table or package: all or none.

    A package with images can be restored into a new folder.
    """
    import shutil

    from ..publishing.unpacking import is_package, unpack_study
    from ..study import import_ratings, open_study
    from ..study.manifest import MANIFEST_FILE
    from .console import working

    with working("adding the votes"):
        new = not (folder / MANIFEST_FILE).exists()
        restored = new and is_package(file)
        if new and not restored and file.suffix.lower() == ".zip":
            raise StudyError(
                f"{file} is not a whole package of srbench study package, and {folder} holds no "
                "study; get the package again, or name a study's folder"
            )
        if restored:
            unpack_study(file, folder)
        try:
            added = import_ratings(open_study(folder, database).store, file)
        except SrbenchError:
            if restored:  # all or none
                shutil.rmtree(folder, ignore_errors=True)
            raise
    say(
        f"{counted(added.votes, 'vote')} of {counted(added.raters, 'rater')} added, "
        f"{added.repeated:,} already there"
    )


@study_app.command("erase")
def erase(
    folder: FolderArgument,
    rater: Annotated[str | None, typer.Option(help="Name of the rater.")] = None,
    code: Annotated[str | None, typer.Option(help="Access code of the rater.")] = None,
    link: Annotated[str | None, typer.Option(help="Personal link of the rater.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Permanently remove a rater's votes and answers; only their number is kept."""
    from ..study import open_study

    if sum(given is not None for given in (rater, code, link)) != 1:
        raise ConfigError("name the rater with one of --rater, --code and --link")
    store = open_study(folder, database, existing=True).store
    removed = store.erase(store.rater_of(code=code, link=link) if rater is None else rater)
    say(f"removed: {counted(removed.votes, 'vote')} of {removed.rater}")
    if removed.left:
        raise StudyError(removed.left)


@study_app.command("analyze")
def analyze(
    context: typer.Context,
    folder: StudyArgument = None,
    ratings: RatingsOption = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="scores.csv, to compare metrics with raters.", callback=a_file),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for tables, figures and page.", callback=a_folder)
    ] = Path("analysis"),
    compare: CompareOption = "",
    equivalent: Annotated[
        float | None,
        typer.Option(help="Margin of equivalence, in grades; for pairs in logits."),
    ] = None,
    latex: Annotated[
        str,
        typer.Option(help="LaTeX: paper, the tables that a paper prints; all: every table."),
    ] = "paper",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    database: DatabaseOption = None,
) -> None:
    """Analyse votes: MOS or preference scale, intervals, tests, figures and page."""
    from .answer import answer_table, conclusions
    from .console import make_console, table_console, working

    _require_one_source(folder, ratings, context)
    require_one_of("--latex", latex, ("paper", "all"))
    with working("statistics, figures and page") as observer:  # reading the libraries included
        import pandas as pd

        from ..benchmark.frames import scores_frame
        from ..report.analysis import write_study_analysis
        from ..stats.reading import read_study_table

        if folder is not None:
            from ..study import doubtful_votes, open_study
            from ..study.ratings import ratings_rows

            store = open_study(folder, database, existing=True).store
            if doubt := doubtful_votes(store):
                say(f"warning: {doubt}", error=True)
            declared = store.manifest.compare
            if compare and declared and compare != declared:
                raise ConfigError(
                    f"this study declared the comparisons {declared} before its first vote; leave "
                    "out --compare, or explore the exported table with --ratings FILE"
                )
            compare = compare or declared
            rows = ratings_rows(store)
            if not rows:
                raise StudyError(
                    f"there are no ratings yet in {store.address}; those in another database are "
                    "found by --database or SRBENCH_STUDY_DATABASE"
                )
            table = pd.DataFrame(rows)
        else:
            assert ratings is not None
            table = read_study_table(ratings)
        read = scores_frame(scores) if scores else None
        files = write_study_analysis(
            table,
            out,
            read,
            compare=compare,
            equivalent=equivalent,
            resamples=resamples,
            seed=seed,
            latex=latex,
            inputs=[path for path in (ratings, scores) if path],
            observer=observer,
        )
    tables = table_console()
    tables.print(answer_table(out))
    for text in conclusions(out):
        tables.print(f"- {text}", markup=False)
    make_console().print(
        f"{counted(len(files), 'file')} made; the page is {out / 'analysis.html'}", markup=False
    )


@study_app.command("package")
def package(
    context: typer.Context,
    folder: StudyArgument = None,
    ratings: RatingsOption = None,
    out: Annotated[Path, typer.Option(help="ZIP file to write.", callback=a_file)] = Path(
        "study.zip"
    ),
    licence: Annotated[
        str,
        typer.Option("--licence", "--license", help="Licence of the ratings, such as CC-BY-4.0."),
    ] = "",
    citation: Annotated[str, typer.Option(help="How to cite them: text or BibTeX.")] = "",
    creator: Annotated[str, typer.Option(help="Who made them; several names by ';'.")] = "",
    title: Annotated[str, typer.Option(help="Name of the data (default: the study's).")] = "",
    url: Annotated[str, typer.Option(help="Address of the published data.")] = "",
    published: Annotated[
        str, typer.Option(help="Day of publication (default: today).", metavar="YYYY-MM-DD")
    ] = "",
    stimuli: Annotated[
        bool, typer.Option("--stimuli", help="Add the images, not only their hashes.")
    ] = False,
    scores: Annotated[
        Path | None, typer.Option(help="scores.csv of the results.", callback=a_file)
    ] = None,
    compare: Annotated[
        str, typer.Option(help="Declared comparisons, as for analyze.", metavar="PAIRS")
    ] = "",
    equivalent: Annotated[
        float | None, typer.Option(help="Margin of equivalence, as for analyze.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    database: DatabaseOption = None,
) -> None:
    """Pack ratings, codebook, metadata and results into a ZIP file for publication."""
    from datetime import date

    from .console import working

    _require_one_source(folder, ratings, context)
    if out.suffix.lower() != ".zip":
        raise ConfigError(
            f"{out} is not the name of a ZIP file; expected a name that ends with .zip"
        )
    require_replaceable(out, "dataset_description.json", "a package of srbench")
    with working("statistics, figures and package") as observer:
        from ..publishing import Analysed, Statement, write_package
        from ..study import open_study

        said = Statement(
            licence=licence,
            citation=citation,
            creators=[name.strip() for name in creator.split(";") if name.strip()],
            published=published or date.today().isoformat(),
            title=title,
            url=url,
        )
        source = ratings if folder is None else open_study(folder, database, existing=True)
        assert source is not None
        made = write_package(
            source,
            out,
            said,
            stimuli=stimuli,
            analysed=Analysed(scores, compare, equivalent, resamples, seed),
            observer=observer,
        )
    say(f"{counted(made.votes, 'vote')} and {counted(made.files, 'file')} in {out}")
    for note in made.notes:
        say(f"  note: {note}")


def _require_one_source(folder: Path | None, ratings: Path | None, context: typer.Context) -> None:
    if (folder is None) == (ratings is None):
        raise ConfigError("give either the study's folder or --ratings FILE")
    source = context.get_parameter_source("database")
    if ratings is not None and source is not None and source.name == "COMMANDLINE":
        raise ConfigError(
            "--database is for a study's folder, --ratings reads no database; give one of them"
        )
