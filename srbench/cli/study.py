"""``srbench study ...``: make and run a study; the commands for its votes are in `study_votes`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import ConfigError, StudyError
from ..files import require_replaceable
from ..wording import counted
from .options import (
    CompareOption,
    DataOption,
    ProcedureOption,
    a_file,
    a_folder,
    names_of,
    numbers_of,
)
from .saying import say

if TYPE_CHECKING:
    from ..study import Decision

study_app = typer.Typer(
    help="Rating studies: plan, make, run, export and analyse them.",
    no_args_is_help=True,
)

_SHORTEST_PASSWORD = 8

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The study's folder.", callback=a_folder)
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        envvar="SRBENCH_STUDY_DATABASE",
        help="Database URL (default: SQLite in the study's folder).",
    ),
]


@study_app.command("new")
def new(
    source: Annotated[
        Path, typer.Option("--from", help="Results folder of srbench run-all.", callback=a_folder)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the study; must be new or empty.", callback=a_folder)
    ],
    preset: Annotated[str, typer.Option(help="paper, or short: at most 15 minutes.")] = "short",
    procedure: ProcedureOption = "acr",
    mode: Annotated[
        Literal["side", "place"] | None,
        typer.Option(
            help="Two images side by side (default), or in one place with a key to switch."
        ),
    ] = None,
    no_difference: Annotated[
        bool, typer.Option("--no-difference", help='Allow the answer "no difference" to pairs.')
    ] = False,
    pairs: Annotated[
        str | None,
        typer.Option(
            help="all (default); hr: including the original; mine:NAME: one against all others."
        ),
    ] = None,
    compare: CompareOption = "",
    accept: Annotated[
        str,
        typer.Option(
            metavar="RULES", help="Rules for paying raters who finish: gold=0.75,minutes=5."
        ),
    ] = "",
    use: Annotated[
        str,
        typer.Option(
            metavar="RULES",
            help="Rules for votes in the analysis: gold=0.75,retest=0.5,from_ms=800,focus,...",
        ),
    ] = "",
    scale: Annotated[int | None, typer.Option(help="Magnification, if there are several.")] = None,
    methods: Annotated[str | None, typer.Option(help="Methods to show, comma-separated.")] = None,
    datasets: Annotated[str | None, typer.Option(help="Data sets, comma-separated.")] = None,
    calibration: Annotated[str, typer.Option(help="Data set of the practice images.")] = "sample",
    data: DataOption = None,
    per_rater: Annotated[int | None, typer.Option(help="Number of main trials per rater.")] = None,
    retests: Annotated[int | None, typer.Option(help="Number of images shown twice.")] = None,
    gold: Annotated[
        int, typer.Option(help="Number of additional images that check attention.")
    ] = 0,
    max_height: Annotated[
        int | None, typer.Option(help="Leave out images higher than this (pixels).")
    ] = None,
    crop_too_high: Annotated[
        bool, typer.Option("--crop-too-high", help="Crop higher images instead.")
    ] = False,
    magnification: Annotated[int, typer.Option(help="Show pixels as squares of this size.")] = 1,
    open_access: Annotated[
        bool, typer.Option("--open", help="Anyone with the link can rate, without a code.")
    ] = False,
    participant_parameter: Annotated[
        str | None, typer.Option(help="Address parameter of a recruiting site: PROLIFIC_PID.")
    ] = None,
    ask_participant: Annotated[
        bool,
        typer.Option(
            "--ask-participant",
            help="Raters type their id (MTurk's worker ID) if the address contains none.",
        ),
    ] = False,
    session_parameter: Annotated[
        str | None, typer.Option(help="Address parameter of the site's session: SESSION_ID.")
    ] = None,
    completion_code: Annotated[
        str | None, typer.Option(help="One code for all raters (default: one each).")
    ] = None,
    return_url: Annotated[
        str | None,
        typer.Option(
            help="Address for raters at the end; fills in {code}, {participant} and {session}."
        ),
    ] = None,
    institution: Annotated[
        str | None, typer.Option(help="Who runs the study; shown to raters with --contact.")
    ] = None,
    contact: Annotated[str | None, typer.Option(help="Contact address; shown to raters.")] = None,
    raters: Annotated[int, typer.Option(help="Planned number of raters.")] = 26,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    title: Annotated[str, typer.Option(help="Name in the browser's tab.")] = "Picture quality",
    texts: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with your own consent form, questions and texts.", callback=a_file
        ),
    ] = None,
) -> None:
    """Make a study from a results folder."""
    from ..data.folder import data_root
    from .console import working

    with working("making the study and estimating its power"):
        from ..study import new_study

        made = new_study(
            source,
            out,
            preset_name=preset,
            procedure_name=procedure,
            mode=mode,
            no_difference=no_difference,
            pairs=pairs,
            compare=compare,
            accept=accept,
            use=use,
            scale=scale,
            methods=names_of(methods),
            datasets=names_of(datasets),
            calibration=calibration,
            data_root=data_root(data),
            per_rater=per_rater,
            retests=retests,
            gold=gold,
            max_height=max_height,
            crop_too_high=crop_too_high,
            magnification=magnification,
            open_access=open_access,
            participant_parameter=participant_parameter,
            ask_participant=ask_participant,
            session_parameter=session_parameter,
            completion_code=completion_code,
            return_url=return_url,
            institution=institution,
            contact=contact,
            raters=raters,
            seed=seed,
            title=title,
            texts=texts,
        )
    votes = _votes(*made.votes_per_stimulus)
    say(f"study {made.study_id} in {made.folder}")
    versions = f"{counted(len(made.methods), 'version')}: {', '.join(made.methods)}"
    say(f"  {made.stimuli:,} stimuli: {counted(made.contents, 'content')} in {versions}")
    if procedure == "pair":
        say(f"  {counted(made.questions, 'pair')} to be compared")
    say(
        f"  {counted(made.trials_per_rater, 'trial')} per rater after {made.practice_trials} "
        f"practice trials, about {counted(round(made.minutes_per_rater), 'minute')}"
    )
    what = "pair" if procedure == "pair" else "stimulus"
    say(f"  {votes} per {what} from {counted(made.raters, 'rater')}")
    say(
        f"  raters need a window of {made.window[0]} x {made.window[1]} pixels at a zoom of 100 % "
        "and no system scaling"
    )
    say(f"  {made.power}")
    for note in made.notes:
        say(f"  note: {note}")
    if made.codes:
        say(f"  {counted(len(made.codes), 'access code')} in {made.folder / 'access-codes.csv'}")
    say(f"start it with: srbench study serve {made.folder}")


@study_app.command("texts")
def texts_() -> None:
    """Print all texts that raters read, so that you can change them.

    Keep what you change, and use: srbench study new ... --texts FILE
    """
    from ..study.texts import catalogue_source

    print(catalogue_source(), end="")


@study_app.command("password")
def password() -> None:
    """Choose the password of the researcher's page.

    Prints the environment variable that enables /admin in: srbench study serve
    """
    from ..study.keys import PASSWORD_VARIABLE, hash_password

    try:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    except typer.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise
        raise ConfigError(
            "the input ended before the password was there twice; type it, or give two equal lines"
        ) from None
    if len(given) < _SHORTEST_PASSWORD:
        raise ConfigError(
            f"the password has {len(given)} letters, expected {_SHORTEST_PASSWORD} or more"
        )
    say(f"{PASSWORD_VARIABLE}={hash_password(given)}")
    say("set this environment variable for: srbench study serve", error=True)


@study_app.command("serve")
def serve(
    folder: FolderArgument,
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 8501,
    address: Annotated[
        str | None, typer.Option(help="Address to listen on (default: all of this machine's).")
    ] = None,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="For raters from outside: requires --institution and --contact."
        ),
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Serve the study to raters in the browser."""
    from study_app.serve import serve as run

    raise typer.Exit(
        run(folder, port=port, address=address, public=public, database=database, say=print)
    )


@study_app.command("status")
def status(folder: FolderArgument, database: DatabaseOption = None) -> None:
    """Show raters, progress and problems."""
    from rich.table import Table
    from rich.text import Text

    from ..study import decide, doubtful_votes, open_study, study_status
    from ..study.store import utc_now
    from .console import table_console

    study = open_study(folder, database, existing=True)
    state = study_status(study.store, utc_now())
    table = Table("rater", "state", "done", "last vote", "notice", box=None, pad_edge=False)
    for column in table.columns[:-1]:
        column.overflow = "fold"
    for rater in state.raters:
        mark = " (simulated)" if rater.simulated else ""
        name = "dropped out" if rater.dropped_out else rater.state
        done = f"{rater.done} of {rater.of}"
        last = (rater.last_vote or "")[:16].replace("T", " ")
        table.add_row(Text(rater.rater + mark), name, done, last, rater.notice)
    if state.raters:
        table_console().print(table)
    counts = state.stimulus_votes.values()
    per_stimulus = _votes(min(counts, default=0), max(counts, default=0))
    what = "pair" if study.manifest.pairs else "stimulus"
    say(
        f"the study is {state.state}: {counted(state.votes, 'vote')} from "
        f"{counted(len(state.raters), 'rater')}; each {what} has {per_stimulus} from people"
    )
    if planned := study.manifest.planned:
        votes = counted(planned.votes, "vote")
        say(f"planned: {counted(planned.raters, 'rater')}, at least {votes} for each {what}")
    _say_decisions(decide(study.store))
    if study.manifest.rules.access == "code":
        say(f"unused: {counted(state.codes_unused, 'access code')}")
    if state.erased:
        say(f"{counted(state.erased, 'rater')} withdrew")
    if doubt := doubtful_votes(study.store):
        say(f"warning: {doubt}", error=True)


@study_app.command("plan")
def plan(
    procedure: ProcedureOption = "acr",
    difference: Annotated[
        float | None,
        typer.Option(
            help="MOS difference to detect (default 0.3); for pairs the share who prefer the "
            "better one (default 0.65)."
        ),
    ] = None,
    wanted: Annotated[float, typer.Option(help="Required power.")] = 0.8,
    images: Annotated[str, typer.Option(help="Comma-separated numbers of images.")] = "5,14,100",
    raters: Annotated[str, typer.Option(help="Comma-separated numbers of raters.")] = (
        "5,10,15,20,26,40"
    ),
    comparisons: Annotated[int, typer.Option(help="Total number of pairs tested.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Figure to write (.png or .pdf).", callback=a_file)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
) -> None:
    """Estimate how many raters and images detect a difference, by simulation."""
    from rich.table import Table

    from ..study import Design, power_table, raters_needed
    from .console import table_console, working

    if out and out.suffix not in (".png", ".pdf"):
        raise ConfigError(f"{out} is not the name of a figure; expected .png or .pdf")
    if out:
        require_replaceable(out, "Matplotlib", "a figure of srbench")
    pair = procedure == "pair"
    if difference is None:
        difference = 0.65 if pair else 0.3
    design = Design(
        raters=2, images=1, difference=difference, comparisons=comparisons, procedure=procedure
    )
    counts, people = numbers_of("images", images), numbers_of("raters", raters)
    with working("simulating studies"):
        table = power_table(design, people, counts, seed=seed)
        fewest = [
            raters_needed(replace(design, images=count), wanted=wanted, seed=seed)
            for count in counts
        ]
    goal = f"raters needed for {100 * wanted:g} %"
    shown = Table("images", *(counted(n, "rater") for n in people), goal, box=None)
    for count, needed in zip(counts, fewest, strict=True):
        part = table[table["images"] == count]
        # Rounded down, because 0.798 is less than the 80 % of the last column.
        powers = [f"{math.floor(100 * value + 1e-9)} %" for value in part["power"]]
        shown.add_row(str(count), *powers, "add images" if needed is None else str(needed))
    among = "a single comparison" if comparisons == 1 else f"one of {comparisons} comparisons"
    what = "preference" if pair else "MOS difference"
    say(
        f"power: the share of such studies that would find a {what} of {difference:g} "
        f"(significant at 5 %, {among})"
    )
    table_console().print(shown)
    if None in fewest:
        say("add images: more raters alone are not enough, because the difference varies by image")
    if out:
        import io

        from ..files import write_bytes
        from ..report.study.power_chart import power_figure

        content = io.BytesIO()
        power_figure(table, wanted).savefig(content, format=out.suffix[1:], dpi=200)
        write_bytes(out, content.getvalue())


@study_app.command("simulate")
def simulate(
    folder: FolderArgument,
    raters: Annotated[
        int | None, typer.Option(help="Number of raters (default: as planned by study new).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the raters.")] = 0,
    careless: Annotated[int, typer.Option(help="How many of them answer at random.")] = 0,
    drifting: Annotated[int, typer.Option(help="How many of them become stricter.")] = 0,
    dropouts: Annotated[int, typer.Option(help="How many of them stop early.")] = 0,
    through: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Vote in a browser at this running app instead, in real time."
        ),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Let simulated raters take part; their rows are marked."""
    from ..study import enlist, open_study
    from ..study import simulate as run
    from .console import working

    study = open_study(folder, database)
    as_planned = raters is None
    if raters is None:
        if study.manifest.planned is None:
            raise StudyError(
                f"{folder} does not record how many raters were planned; name a number with "
                "--raters"
            )
        raters = study.manifest.planned.raters
    with working(f"simulating {counted(raters, 'rater')}"):
        if through is None:
            made = run(
                study.store, raters, seed, careless=careless, drifting=drifting, dropouts=dropouts
            )
        else:
            from study_app.driving import drive

            enlisted = enlist(
                study.store, raters, seed, careless=careless, drifting=drifting, dropouts=dropouts
            )
            made = drive(study, list(enlisted), through)
    votes = counted(sum(rater.votes for rater in made), "vote")
    drawn = f"{'as many as planned; ' if as_planned else ''}seed {seed}"
    say(f"{counted(len(made), 'simulated rater')}, {votes}, all marked as simulated ({drawn})")
    elsewhere = " with the same --database" if database else ""  # its address may hold a password
    say(f"analyse the votes with: srbench study analyze {folder}{elsewhere}")


def _say_decisions(found: Sequence[Decision]) -> None:
    """Print which sessions are paid and which votes are analysed, with the reasons if not."""
    ended = [each for each in found if each.paid is not None]
    paid = sum(each.paid is True for each in ended)
    say(f"to be paid: {paid} of {counted(len(ended), 'session')}; codes by export --decisions")
    for each in ended:
        if not each.paid and each.completion_code:
            say(f"  not {each.rater} ({each.completion_code}): {each.why_unpaid}")
    votes, used = sum(each.votes for each in found), sum(each.used for each in found)
    say(f"analysed: {used:,} of {counted(votes, 'main vote')}")
    for each in found:
        if each.why_left_out:
            say(f"  not of {each.rater}: {each.why_left_out}")


def _votes(fewest: int, most: int) -> str:
    return ("" if fewest == most else f"{fewest} to ") + counted(most, "vote")
