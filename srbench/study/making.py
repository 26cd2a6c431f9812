"""Make a study from a results folder: copy the chosen images and write the manifest."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from pydantic import ValidationError

from ..data.naming import has_control
from ..errors import StudyError
from ..files import expanded, is_unused, put_folder
from . import keys
from .balance import asked_in_any_order, raters_per_unit
from .choosing import choose
from .decisions import declared as declared_rules
from .manifest import (
    Accept,
    Manifest,
    Planned,
    Rules,
    Use,
    load_manifest,
    save_manifest,
)
from .numbers import require_whole
from .pictures import anchor, copy_pictures
from .playlists import make_playlist
from .presets import minutes, preset
from .procedure import Item, Mode, Name, Procedure, procedure
from .recruiting import check_parameters, check_return_url
from .session import chrome_height, window_needed
from .texts import read_wording

# With fewer trials, raters could predict retests that come at least ten trials later.
_TRIALS_FOR_RETESTS = 30
_LONGEST_NAME = 200
_OPTIONS = {"gold": "--gold", "retest": "--retests"}
_MAKING = ".making"  # locked while a study is being made


@dataclass(frozen=True)
class NewStudy:
    """The result of `new_study`.

    ``questions``: the number of stimuli or pairs in the main part. ``trials_per_rater``: without
    practice. ``votes_per_stimulus``: the fewest and the most votes per stimulus (or pair) when all
    ``raters`` have finished. ``window``: CSS pixels (width, height) that every picture fits in.
    ``codes``: the raters' access codes, also in access-codes.csv. ``notes``: what was left out or
    differs from the preset, one sentence each.
    """

    folder: Path
    study_id: str
    methods: tuple[str, ...]
    contents: int
    stimuli: int
    questions: int
    practice_trials: int
    trials_per_rater: int
    minutes_per_rater: float
    raters: int
    votes_per_stimulus: tuple[int, int]
    window: tuple[int, int]
    power: str
    codes: tuple[str, ...]
    notes: tuple[str, ...]


def new_study(
    results: Path,
    out: Path,
    *,
    preset_name: str = "short",
    procedure_name: Name = "acr",
    mode: Mode | None = None,
    no_difference: bool = False,
    pairs: str | None = None,
    compare: str = "",
    accept: str = "",
    use: str = "",
    scale: int | None = None,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    calibration: str = "sample",
    data_root: Path | None = None,
    per_rater: int | None = None,
    retests: int | None = None,
    gold: int = 0,
    max_height: int | None = None,
    crop_too_high: bool = False,
    magnification: int = 1,
    open_access: bool = False,
    participant_parameter: str | None = None,
    ask_participant: bool = False,
    session_parameter: str | None = None,
    completion_code: str | None = None,
    return_url: str | None = None,
    institution: str | None = None,
    contact: str | None = None,
    raters: int = 26,
    seed: int = 0,
    title: str = "Picture quality",
    texts: Path | None = None,
) -> NewStudy:
    """Make a study from the images in a results folder.

    Args:
        results: folder with ``images/<dataset>/x<scale>/<method>/<image>.png``, including HR.
        out: the study's folder; must not exist or be empty.
        procedure_name, mode, no_difference: the question (`srbench.study.procedure`); the default
            mode for two pictures is ``side``.
        pairs: for the procedure ``pair``: ``all`` (default), ``hr`` (all, including the original),
            or ``mine:NAME`` (one method against every other).
        compare: the comparisons declared for the analysis, as for `srbench study analyze`.
        accept, use: which sessions are paid and which votes are analysed, as rules like
            ``gold=0.75,minutes=5`` (`srbench.study.manifest.Accept` and ``Use``).
        scale: needed only if the results contain several scales.
        methods, datasets: default: all in the results that the preset shows.
        calibration: data set of the practice (and gold) images; ``sample`` is built in.
        per_rater: the maximum number of main trials per rater; default: all.
        gold: number of extra contents shown as nearest and HR to check attention.
        max_height: contents higher than this (pixels) are left out, or cropped about the centre if
            ``crop_too_high``.
        open_access: anyone with the link can rate; otherwise each rater needs a code.
        participant_parameter, ask_participant, session_parameter, completion_code, return_url: for
            recruiting sites; see `Rules`.
        institution, contact: who runs the study and where raters can write to, for the consent.
        raters: planned number of raters, recorded in the manifest, and of access codes.
        texts: the study's own texts and questions; see texts.toml.

    Raises:
        StudyError: the images cannot be used; the message says which and why.
    """
    from .planning import planned_power

    plan = preset(preset_name)
    require_whole(raters=raters, seed=seed, gold=gold, scale=scale)
    results, out = expanded(results), expanded(out)
    if not is_unused(out):
        raise StudyError(f"{out} is not empty; a study is never changed, choose another folder")
    _check_numbers(raters=raters, seed=seed, gold=gold)
    _check_names(title=title, institution=institution, contact=contact)
    if (institution is None) != (contact is None):
        raise StudyError("--institution and --contact are shown in one sentence; give both")
    asks = _what_is_asked(procedure_name, mode, no_difference, pairs)
    if crop_too_high and max_height is None:
        raise StudyError("--crop-too-high needs --max-height, the height that images are cut to")
    wording = read_wording(texts)
    rules = _rules(
        per_rater=per_rater,
        retests=plan.retests if retests is None else retests,
        block_trials=plan.block_trials,
        magnification=magnification,
        max_height=max_height,
        oversize="crop" if crop_too_high else "leave-out",
        access="open" if open_access else "code",
        participant_parameter=participant_parameter,
        participant_typed=ask_participant,
        session_parameter=session_parameter,
        completion_code=completion_code,
        return_url=return_url,
    )
    chosen = choose(
        results, plan, rules, asks, pairs=pairs or "all",
        scale=scale, datasets=datasets, methods=methods, rng=np.random.default_rng([seed, 1]),
    )  # fmt: skip
    notes = [*chosen.notes]
    if open_access and not (institution and contact):
        notes.append(
            "raters do not see who runs the study; 'srbench study serve --public' needs "
            "--institution and --contact"
        )
    trials = min(chosen.trials, per_rater or chosen.trials)
    if retests is None and trials < _TRIALS_FOR_RETESTS:
        rules = rules.model_copy(update={"retests": 0})
        notes.append(f"no image is shown twice: {trials} trials are too few to keep retests apart")
    _require_enough(rules.retests, trials)
    tested = _compared(asks, chosen.questions, compare)
    notes += tested.notes
    accepted, used = declared_rules(Accept, accept), declared_rules(Use, use)
    _require_questions(accepted, used, gold=gold, retest=rules.retests)

    with _workplace(out) as workplace:
        pictures = copy_pictures(
            workplace, chosen, asks, rules, calibration, data_root, seed, plan.calibration, gold
        )
        manifest = Manifest(
            title=title,
            procedure=asks.name,
            mode=asks.mode,
            no_difference=no_difference,
            pairs=tuple((a, b) for a, b in pictures.items) if asks.name == "pair" else (),
            compare=compare,
            accept=accepted,
            use=used,
            method=asks.standard,
            preset=preset_name,
            scale=chosen.scale,
            seed=seed,
            rules=rules,
            stimuli=pictures.all,
            main=tuple(stimulus.id for stimulus in pictures.rated),
            calibration=tuple(map(anchor, pictures.practice)),
            gold=tuple(map(anchor, pictures.gold)),
            questionnaire=wording.questions,
            institution=institution,
            contact=contact,
            texts={language: dict(words) for language, words in wording.words.items()},
        )
        tried = _try_playlists(manifest, raters)
        manifest = manifest.model_copy(
            update={"planned": Planned(raters=raters, votes=tried.votes[0])}
        )
        codes = [] if open_access else [keys.new_code() for _ in range(raters)]
        _write_study(manifest, codes, workplace)
        # Before the study is final, so that an interrupted command can be repeated.
        power = planned_power(
            raters,
            len(chosen.contents),
            tried.trials / (len(pictures.items) + rules.retests),
            comparisons=tested.number,
            declared=tested.declared,
            procedure=asks.name,
            seed=seed,
        )

    return NewStudy(
        folder=out,
        study_id=manifest.study_id,
        methods=tuple(dict.fromkeys(stimulus.method for stimulus in pictures.rated)),
        contents=len(chosen.contents),
        stimuli=len(manifest.main),
        questions=len(pictures.items),
        practice_trials=tried.practice,
        trials_per_rater=tried.trials,
        minutes_per_rater=minutes(tried.practice, tried.trials, rules.block_trials, asks.seconds),
        raters=raters,
        votes_per_stimulus=tried.votes,
        window=_window(manifest),
        power=power,
        codes=tuple(codes),
        notes=(*notes, *pictures.notes),
    )


def _what_is_asked(
    name: Name, mode: Mode | None, no_difference: bool, pairs: str | None
) -> Procedure:
    """The procedure; two pictures are side by side unless ``mode`` says otherwise."""
    if mode is None and name != "acr":
        mode = "side"
    asks = procedure(name, mode, no_difference=no_difference)
    if pairs is not None and asks.name != "pair":
        raise StudyError(f"pairs '{pairs}' are for the procedure pair, this is {asks.name}")
    return asks


def _rules(**values: object) -> Rules:
    """The rules, checked with the study's addresses and their parameters."""
    try:
        rules = Rules.model_validate(values)
    except ValidationError as error:
        raise _rule_error(error) from error
    check_parameters(rules)
    check_return_url(rules)
    return rules


@dataclass(frozen=True)
class _Compared:
    """The ``number`` of pairs of methods that the analysis will test, whether they are
    ``declared``, and notes about those that raters are never asked about.
    """

    number: int
    declared: bool
    notes: tuple[str, ...] = ()


def _compared(
    asks: Procedure, questions: Mapping[str, Sequence[tuple[str, ...]]], compare: str
) -> _Compared:
    """The comparisons that ``compare`` declares; without it the pairs asked, or all pairs rated."""
    from ..stats.declared import declared_pairs

    every = [question for found in questions.values() for question in found]
    if asks.name == "pair":
        direct = {frozenset(question) for question in every}
    else:
        most = max(questions.values(), key=len)
        rated = (question[-1] for question in most)
        direct = {frozenset(pair) for pair in combinations(rated, 2)}
    if not compare:
        return _Compared(len(direct), declared=False)
    declared = declared_pairs(compare, {m for question in every for m in asks.rated(question)})
    indirect = [f"{a}:{b}" for a, b in declared if {a, b} not in direct]
    if not indirect or asks.name != "pair":
        return _Compared(len(declared), declared=True)
    note = f"declared but never asked directly, only compared through others: {', '.join(indirect)}"
    return _Compared(len(declared), declared=True, notes=(note,))


def _write_study(manifest: Manifest, codes: Sequence[str], workplace: Path) -> None:
    """Write the manifest, the key and the raters' access codes."""
    keys.make_key(workplace)
    save_manifest(manifest, workplace)
    load_manifest(workplace)
    keys.append_codes(workplace, codes)


@contextmanager
def _workplace(out: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to ``out`` on success and otherwise removed."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(out)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            with FileLock(folder / _MAKING):
                yield folder
            (folder / _MAKING).unlink(missing_ok=True)
            os.chmod(folder, 0o755)
            put_folder(folder, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise StudyError(
            f"cannot write the study to {out}: {error.strerror}; choose another folder"
        ) from error


def _remove_abandoned(out: Path) -> None:
    """Remove the temporary folders of ``out`` that killed processes left."""
    for lock in out.parent.glob(f".{glob.escape(out.name)}-*/{_MAKING}"):
        with suppress(Timeout), FileLock(lock, timeout=0):  # not locked: its process has ended
            shutil.rmtree(lock.parent, ignore_errors=True)


@dataclass(frozen=True)
class _Tried:
    """The largest number of ``trials`` of one rater without practice, those for ``practice``, and
    the fewest and the most ``votes`` that a stimulus or pair will get.
    """

    trials: int
    practice: int
    votes: tuple[int, int]


def _try_playlists(manifest: Manifest, raters: int) -> _Tried:
    """Make the playlist of every planned rater, so that errors appear before the study starts."""
    per_rater, largest = manifest.rules.per_rater, max(map(len, manifest.units.values()))
    if per_rater is not None and per_rater < largest:
        raise StudyError(
            f"--per-rater {per_rater} is less than the versions of one image "
            f"({largest}); a rater sees whole contents"
        )
    shown: Counter[Item] = Counter()
    longest = practised = 0
    for number in range(raters):
        loads = raters_per_unit(manifest, shown)
        playlist = make_playlist(manifest, number, loads, shown)
        practised = sum(trial.phase == "training" for trial in playlist)
        repeated = sum(trial.phase == "retest" for trial in playlist)
        _require_enough(manifest.rules.retests, repeated)
        longest = max(longest, len(playlist) - practised)
        if per_rater is None:
            # All raters see everything, so one playlist is a sufficient test.
            return _Tried(longest, practised, (raters, raters))
        shown.update(trial.stimuli for trial in playlist if trial.phase == "main")
    votes = [asked_in_any_order(shown, item) for item in manifest.items]
    return _Tried(longest, practised, (min(votes), max(votes)))


def _window(manifest: Manifest) -> tuple[int, int]:
    """The smallest window (CSS pixels) for every picture, at 100 % zoom and pixel ratio 1."""
    width, height = window_needed(manifest, manifest.by_id)
    return width, height + chrome_height(manifest)


def _check_numbers(*, raters: int, seed: int, gold: int) -> None:
    if not 1 <= raters <= 10_000:
        raise StudyError(f"{raters} raters planned; expected 1 to 10000")
    if seed < 0:
        raise StudyError(f"the seed is {seed}; expected 0 or more")
    if gold < 0:
        raise StudyError(f"{gold} gold contents asked for; expected 0 or more")


def _check_names(**names: str | None) -> None:
    for name, told in names.items():
        if told is None:
            continue
        if not 1 <= len(told.strip()) <= _LONGEST_NAME or has_control(told):
            raise StudyError(
                f"{name} is {told[:60]!r}; expected 1 to {_LONGEST_NAME} letters, without "
                "line ends and control characters"
            )


def _require_questions(*rules: Accept | Use, **counts: int) -> None:
    """Refuse rules about kinds of questions that the study does not have."""
    for kind, count in counts.items():
        if not count and any(getattr(rule, kind, None) for rule in rules):
            raise StudyError(
                f"a rule about {kind} needs such questions; add them with {_OPTIONS[kind]}"
            )


def _require_enough(retests: int, questions: int) -> None:
    if retests > questions:
        raise StudyError(
            f"{retests} retests asked for, but a rater has only {questions} questions to repeat "
            "once each; ask for fewer"
        )


def _rule_error(error: ValidationError) -> StudyError:
    problem = error.errors()[0]
    rule = str(problem["loc"][0]).replace("_", " ")
    expected = problem["msg"].partition(" should ")[2]
    return StudyError(f"{rule} is {str(problem['input'])[:60]!r}; it should {expected}")
