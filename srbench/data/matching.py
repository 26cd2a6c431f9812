"""Match SR files with originals by name, allowing one common prefix and suffix."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError, DatasetError
from ..wording import counted
from .folder import EXTENSIONS, image_id_of
from .siblings import unmarked

WAY_OUT = "rename them, or give the pattern of the names with --pattern, such as --pattern '{}_x4'"


@dataclass(frozen=True)
class MatchedNames:
    """The file of each original, and a text about the assumed affixes; "" for none."""

    files: Mapping[str, Path]
    taken: str


class _Affixes(NamedTuple):
    """The text around the part that both names share, in the originals and in the files."""

    own_prefix: str
    own_suffix: str
    prefix: str
    suffix: str


def match_names(
    originals: Mapping[str, Path],
    files: Mapping[str, Path],
    folder: Path,
    source: Path | str,
    *,
    spare: bool,
    pattern: str | None = None,
    way_out: str = WAY_OUT,
) -> MatchedNames:
    """Find each original's file in a folder, one to one.

    Names match if they are equal except for case, or if one prefix and one suffix make all of them
    equal. ``0801`` and ``0801x4`` match; numbers are never split, so ``1`` and ``11`` do not.

    Args:
        originals: the originals' files by id.
        files: the result of :func:`~srbench.data.image_files` for ``folder``.
        folder, source: the names of the two sides in messages.
        spare: whether the folder may contain additional files.
        pattern: the file names, with ``{}`` for the original's name, such as ``{}_x4_SR``.
        way_out: the advice about names in messages.

    Raises:
        ConfigError: the pattern does not have exactly one ``{}``.
        DatasetError: there are too few or too many files, or two ways to match them.
    """
    if pattern is not None:
        return _by_pattern(originals, files, folder, source, pattern, spare)
    there = {name.casefold(): path for name, path in files.items()}
    # Files of a known set may have other names than its ids, which also count.
    namings = [list(originals), [image_id_of(path) for path in originals.values()]]
    missing = [name for name in originals if name.casefold() not in there]
    for names in namings:
        if _enough(there, names, spare) and all(name.casefold() in there for name in names):
            found = [there[name.casefold()] for name in names]
            as_they_are = all(image_id_of(p) == n for p, n in zip(found, names, strict=True))
            files_of = dict(zip(originals, found, strict=True))
            return MatchedNames(files_of, "" if as_they_are else "names differ in case only")
    if spare and 2 * len(missing) < len(originals):
        raise _lacking(folder, source, originals, files, missing, way_out)
    nearest: tuple[int, Sequence[str], _Affixes] | None = None
    for names in namings[: 1 if namings[0] == namings[1] else 2]:
        candidates = _candidates(names, there)
        pairings = {
            tuple(there[_applied(affixes, name)] for name in names): affixes
            for affixes, count in candidates.items()
            if count == len(names) and _enough(there, names, spare)
        }
        if len(pairings) == 1:
            ((paths, affixes),) = pairings.items()
            return MatchedNames(
                dict(zip(originals, paths, strict=True)), _worded(affixes, names[0], paths[0])
            )
        if pairings:
            first, second = (
                _worded(affixes, names[0], paths[0]) for paths, affixes in [*pairings.items()][:2]
            )
            raise DatasetError(
                f"{folder} matches {source} in more than one way ({first}, or {second}): it holds "
                f"{_examples(p.name for p in files.values())}, the originals are "
                f"{_examples(names)}; {way_out}"
            )
        for affixes, count in candidates.items():
            if nearest is None or count > nearest[0]:
                nearest = count, names, affixes
    if nearest and 2 * nearest[0] > len(originals):
        _, names, affixes = nearest
        lacking = [name for name in names if _applied(affixes, name) not in there]
        if lacking:
            expected = [_applied(affixes, name) for name in lacking]
            raise _lacking(folder, source, originals, files, expected, way_out)
    if 0 < len(missing) < len(originals):
        raise _lacking(folder, source, originals, files, missing, way_out)
    raise _disagreeing(folder, source, originals, files, way_out)


def _by_pattern(
    originals: Mapping[str, Path],
    files: Mapping[str, Path],
    folder: Path,
    source: Path | str,
    pattern: str,
    spare: bool,
) -> MatchedNames:
    if pattern.count("{}") != 1 or "/" in pattern:
        raise ConfigError(
            f"the pattern is '{pattern}', expected a file name with one {{}} for the original's "
            "name, such as '{}_x4_SR'"
        )
    stem, ending = os.path.splitext(pattern)
    plain = unicodedata.normalize("NFC", stem if ending.lower() in EXTENSIONS else pattern)
    wanted = {name: plain.replace("{}", name) for name in originals}
    there = {name.casefold(): path for name, path in files.items()}
    missing = [name for name in wanted.values() if name.casefold() not in there]
    if missing:
        raise _lacking(folder, source, originals, files, missing)
    before, after = plain.casefold().split("{}")
    alike = {name for name in there if name.startswith(before) and name.endswith(after)}
    over = sorted(alike - {name.casefold() for name in wanted.values()})
    if over and not spare:
        raise DatasetError(
            f"{folder} holds {counted(len(over), 'image')} named like {pattern} without an "
            f"original in {source} ({_examples(over)}); remove them, or add their originals"
        )
    return MatchedNames({name: there[file.casefold()] for name, file in wanted.items()}, "")


def _enough(there: Mapping[str, Path], names: Sequence[str], spare: bool) -> bool:
    return spare or len(there) == len(names)


def _candidates(names: Sequence[str], there: Mapping[str, Path]) -> Counter[_Affixes]:
    """The number of matched originals for each possible choice of affixes."""
    folded = [name.casefold() for name in names]
    own_prefix, own_suffix = _common(folded)
    counts: Counter[_Affixes] = Counter()
    for name in folded:
        core = name[len(own_prefix) : len(name) - len(own_suffix)]
        for file in there:
            place = file.find(core)
            while place >= 0:
                affixes = _Affixes(own_prefix, own_suffix, file[:place], file[place + len(core) :])
                if not _splits_digits(affixes, core):
                    counts[affixes] += 1
                place = file.find(core, place + 1)
    # A file with exactly the name of one original cannot belong to another.
    equal = [name for name in folded if name in there]
    return Counter(
        {
            affixes: count
            for affixes, count in counts.items()
            if all(_applied(affixes, name) == name for name in equal)
        }
    )


def _common(names: Sequence[str]) -> tuple[str, str]:
    """The longest prefix and suffix that all names share, leaving part of each name."""
    if len(names) == 1:
        return "", names[0].removeprefix(unmarked(names[0]))
    shortest = min(map(len, names))
    prefix = _shared_start(names)[: shortest - 1]
    rest = [name[len(prefix) :][::-1] for name in names]
    suffix = _shared_start(rest)[: shortest - len(prefix) - 1][::-1]
    return prefix, suffix


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # their common start is the common start of all
    same = (a == b for a, b in zip(first, last, strict=False))
    return first[: len(list(takewhile(bool, same)))]


def _splits_digits(affixes: _Affixes, core: str) -> bool:
    """Whether a number of the original's name would be part of a longer number in the file's."""

    def digits(text: str) -> str:
        return text[: len(text) - len(text.lstrip("0123456789"))]

    before = core[0].isdigit() and digits(affixes.own_prefix[::-1]) != digits(affixes.prefix[::-1])
    after = core[-1].isdigit() and digits(affixes.own_suffix) != digits(affixes.suffix)
    return before or after


def _applied(affixes: _Affixes, name: str) -> str:
    """The file's name, folded, for an original's."""
    folded = name.casefold()
    core = folded[len(affixes.own_prefix) : len(folded) - len(affixes.own_suffix)]
    return affixes.prefix + core + affixes.suffix


def _worded(affixes: _Affixes, name: str, path: Path) -> str:
    """``names end in "_x4"``: the affixes that a file has and its original lacks."""
    same = _shared_start([affixes.own_prefix[::-1], affixes.prefix[::-1]])
    own_prefix, prefix = (t[: len(t) - len(same)] for t in (affixes.own_prefix, affixes.prefix))
    same = _shared_start([affixes.own_suffix, affixes.suffix])
    own_suffix, suffix = (t[len(same) :] for t in (affixes.own_suffix, affixes.suffix))
    file = image_id_of(path)
    parts: list[str] = []
    for verb, own, other in (
        ("begin with", name[: len(own_prefix)], file[: len(prefix)]),
        ("end in", name[len(name) - len(own_suffix) :], file[len(file) - len(suffix) :]),
    ):
        if own and other:
            parts.append(f'{verb} "{other}" where the originals {verb} "{own}"')
        elif own:
            parts.append(f'do not {verb} "{own}" as the originals do')
        elif other:
            parts.append(f'{verb} "{other}"')
    return "names " + (" and ".join(parts) or "differ in case only")


def _examples(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(f"'{name}'" for name in listed[:3]) + more


def _lacking(
    folder: Path,
    source: Path | str,
    originals: Mapping[str, Path],
    files: Mapping[str, Path],
    missing: Sequence[str],
    way_out: str = WAY_OUT,
) -> DatasetError:
    return DatasetError(
        f"{folder} lacks {len(missing)} of {counted(len(originals), 'image')} of {source} "
        f"({_examples(missing)}); it holds {_examples(files)}; add what is missing, or {way_out}"
    )


def _disagreeing(
    folder: Path,
    source: Path | str,
    originals: Mapping[str, Path],
    files: Mapping[str, Path],
    way_out: str,
) -> DatasetError:
    if len(originals) != len(files) and set(originals) <= set(files):
        spare = sorted(set(files) - set(originals))
        return DatasetError(
            f"{folder} holds {counted(len(spare), 'image')} without an original in {source} "
            f"({_examples(spare)}; the originals are {_examples(originals)}); remove them, or add "
            "their originals"
        )
    return DatasetError(
        f"the names do not match one to one: {folder} holds {counted(len(files), 'image')}, "
        f"{_examples(files)}; {source} has {counted(len(originals), 'original')}, "
        f"{_examples(originals)}; {way_out}"
    )
