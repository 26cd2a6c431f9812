"""A hash of a user's code and its dependencies; if it changes, results are recomputed."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType


def source_fingerprint(thing: object) -> str:
    """A hash that changes if the behaviour of ``thing`` (a function or an object) may change.

    Code in a file: that file and the files of the same folder that it imports. Code of a notebook
    or a prompt: its instructions, and those of the notebook's functions that it uses. The hash also
    covers the state of an object or a function (attributes, defaults, enclosed variables). If a
    part cannot be determined, the hash is unique, so that no outdated result is reused.
    """
    digest = hashlib.sha256()
    for part in _parts(thing, set()):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def files_beside(file: Path) -> list[Path]:
    """``file`` and the loaded modules from the same folder, which it may have imported."""
    loaded = {
        Path(place).resolve()
        for module in list(sys.modules.values())
        if isinstance(place := getattr(module, "__file__", None), str)
    }
    own = file.resolve()
    beside = {p for p in loaded if p.parent == own.parent and p.suffix == ".py" and p.is_file()}
    return [own, *sorted(beside - {own})]


def _parts(thing: object, seen: set[int]) -> Iterator[bytes]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, ModuleType):
        yield thing.__name__.encode() + str(getattr(thing, "__version__", "")).encode()
    elif isinstance(thing, FunctionType):
        yield from _code_of(thing, thing.__code__, seen)
        for carried in (thing.__defaults__, thing.__kwdefaults__):
            yield from _value(carried, seen)
        for cell in thing.__closure__ or ():
            yield from _parts(cell.cell_contents, seen)
    elif inspect.isclass(thing):
        for name, value in sorted(vars(thing).items()):
            if isinstance(value, FunctionType):
                yield name.encode()
                yield from _parts(value, seen)
    elif inspect.ismethod(thing):
        yield from _parts(thing.__func__, seen)
        yield from _parts(thing.__self__, seen)
    elif callable(thing) and hasattr(thing, "__dict__") and type(thing).__module__ != "builtins":
        yield from _parts(type(thing), seen)
        yield from _value(vars(thing), seen)
    else:
        yield from _value(thing, seen)


def _code_of(function: FunctionType, code: CodeType, seen: set[int]) -> Iterator[bytes]:
    file = Path(code.co_filename)
    if file.is_file():
        for path in files_beside(file):
            yield path.name.encode() + path.read_bytes()
        return
    yield code.co_code + repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_of(function, constant, seen)
        else:
            yield repr(constant).encode()
    for name in code.co_names:
        if name in function.__globals__:
            yield from _parts(function.__globals__[name], seen)


def _value(value: object, seen: set[int]) -> Iterator[bytes]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield repr(key).encode()
            yield from _parts(item, seen)
        return
    try:
        yield pickle.dumps(value)
    except Exception:  # any error of an object's pickling code
        yield secrets.token_bytes(16)
