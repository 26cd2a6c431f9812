"""A hash of a user's code and its dependencies; if it changes, results are recomputed."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import io
import pickle
import secrets
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

UNSURE = "?"
_PLAIN = (bool, int, float, complex, str, bytes)
_METHODS = (FunctionType, staticmethod, classmethod, property)


def source_fingerprint(thing: object) -> str:
    """A hash that changes if the behaviour of ``thing`` (a function or an object) may change.

    It covers functions and classes wherever they are in ``thing``, with what they use: defaults,
    attributes, enclosed variables, base classes. Code in a file: as loaded, and the files that it
    imports, except those of installed packages. Code of a notebook or a prompt: its instructions
    and its globals. If a part cannot be determined, the hash is unique, so that no outdated result
    is reused, and ends in `UNSURE`.
    """
    contents = _Contents()
    digest = contents.digest(thing)[:16]
    return digest + UNSURE if contents.unsure else digest


def files_of(file: Path) -> list[Path]:
    """``file`` and the files that it imports, directly or not, except installed packages.

    Loaded modules from the same folder count as imported, since code can import them by other
    means.
    """
    own = file.resolve()
    loaded = [_file_of(module) for module in list(sys.modules.values())]
    waiting = [own, *(path for path in loaded if path is not None and path.parent == own.parent)]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found and path.suffix == ".py" and path.is_file():
            found.add(path)
            if not is_installed(path):
                imported = (place for _, place in imports(path))
                waiting += [place for place in imported if not is_installed(place)]
    return [own, *sorted(found - {own})]


def imports(file: Path) -> Iterator[tuple[str, Path]]:
    """The names of the modules that a file imports, also inside functions, and their files."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _located(alias.name, file.parent)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            dotted = [f"{base}.{alias.name}".removeprefix(".") for alias in node.names]
            for name in [base, *dotted]:
                if node.level > len(file.parents):
                    continue  # an error when it is run
                if node.level:
                    yield from _below(name, file.parents[node.level - 1])
                else:
                    yield from _located(name, file.parent)


def shadowed(file: Path) -> Iterator[tuple[str, Path, Path]]:
    """The names that a file in a folder imports from elsewhere, although a file of that name is
    in the same folder, with both files: another module of this name was loaded before.
    """
    folder = file.resolve().parent
    for path in files_of(file):
        for name, loaded in imports(path) if path.parent == folder else ():
            beside = _place(folder, [name]) if "." not in name else None
            if beside is not None and beside != loaded:
                yield name, beside, loaded


def is_installed(path: Path) -> bool:
    """Whether a file is part of Python, an installed package or srbench, which have versions."""
    return any(path.is_relative_to(root) for root in _installed_roots())


@functools.cache
def _installed_roots() -> tuple[Path, ...]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = sysconfig.get_paths()
    site = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    return (
        Path(__file__).resolve().parent,
        *(Path(place).resolve() for place in [*(paths[kind] for kind in kinds), *site]),
    )


def _located(name: str, beside: Path) -> Iterator[tuple[str, Path]]:
    """The files of the module ``name`` and its parents: as loaded, or where Python would look."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        dotted = ".".join(parts[:end])
        loaded = sys.modules.get(dotted)
        if loaded is not None:
            path = _file_of(loaded)
            if path is not None:
                yield dotted, path
            continue
        for root in (beside, *map(Path, sys.path)):
            if there := _place(root, parts[:end]):
                yield dotted, there
                break


def _below(name: str, root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a module named relative to the folder of a package."""
    parts = [part for part in name.split(".") if part]
    for end in range(len(parts) + 1):
        if there := _place(root, parts[:end]):
            yield ".".join(parts[:end]), there


def _place(root: Path, parts: Sequence[str]) -> Path | None:
    folder = root.joinpath(*parts)
    candidates = [folder / "__init__.py"]
    if parts:
        candidates.append(folder.with_name(folder.name + ".py"))
    return next((path.resolve() for path in candidates if path.is_file()), None)


def _file_of(module: object) -> Path | None:
    place = getattr(module, "__file__", None)
    return Path(place).resolve() if isinstance(place, str) else None


class _Globals:
    """The global names of a module whose source is in ``file``."""

    def __init__(self, names: dict[str, Any], file: Path) -> None:
        self.names, self.file = names, file


class _Contents:
    """Hashes of objects by content: data as pickled, and code, to which pickle only refers by name,
    by its own content.
    """

    def __init__(self) -> None:
        # Keep the objects, so that no other object gets their id.
        self._known: dict[int, tuple[object, str]] = {}
        self._globals: dict[int, _Globals] = {}
        self.unsure = False

    def digest(self, thing: object) -> str:
        """The hash of anything; unique if it cannot be pickled."""
        stream = io.BytesIO()
        try:
            _Pickler(stream, self).dump(thing)
        except Exception:  # any error of an object's pickling code
            self.unsure = True
            return secrets.token_hex(32)
        return hashlib.sha256(stream.getvalue()).hexdigest()

    def of_code(self, thing: object) -> str | None:
        """The hash of a function, class, module or other object whose content pickle leaves out;
        None for the others.
        """
        if id(thing) in self._known:
            return self._known[id(thing)][1]
        parts = self._parts(thing)
        if parts is None:
            return None
        self._known[id(thing)] = thing, "itself"  # a function may use itself
        digest = hashlib.sha256()
        for part in parts:
            content = part if isinstance(part, bytes) else self.digest(part).encode()
            digest.update(hashlib.sha256(content).digest())
        self._known[id(thing)] = thing, digest.hexdigest()
        return digest.hexdigest()

    def _parts(self, thing: object) -> Iterator[object] | None:
        """The parts of an object: bytes, and objects for `digest`."""
        if isinstance(thing, _Globals):
            return _of_globals(thing)
        if isinstance(thing, ModuleType):
            return self._of_module(thing)
        if isinstance(thing, FunctionType):
            return self._of_function(thing)
        if isinstance(thing, type):
            return self._of_class(thing)
        if isinstance(thing, (staticmethod, classmethod)):
            return iter([thing.__func__])
        if isinstance(thing, property):
            return iter([thing.fget, thing.fset, thing.fdel])
        if isinstance(thing, (set, frozenset)):
            members = cast("set[object]", thing)
            return iter([type(thing).__name__.encode(), sorted(map(self.digest, members))])
        if _wraps(thing):
            return iter([cast(Any, thing).__wrapped__])
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(thing, torch.Tensor):
            return _of_tensor(thing, torch)
        return None

    def _named(self, names: dict[str, Any], file: Path) -> _Globals:
        return self._globals.setdefault(id(names), _Globals(names, file))

    def _of_module(self, module: ModuleType) -> Iterator[object]:
        yield module.__name__.encode() + str(getattr(module, "__version__", "")).encode()
        path = _file_of(module)
        if path is not None and not is_installed(path):
            yield self._named(vars(module), path)

    def _of_function(self, function: FunctionType) -> Iterator[object]:
        file = Path(function.__code__.co_filename)
        written = file.is_file()
        if written and is_installed(file.resolve()):
            yield file.read_bytes()
        elif written:
            yield self._named(function.__globals__, file)
        yield from _of_code(function.__code__, function.__globals__, written=written)
        yield from (function.__defaults__, function.__kwdefaults__, vars(function))
        for cell in function.__closure__ or ():
            with suppress(ValueError):  # not filled yet
                yield cell.cell_contents

    def _of_class(self, kind: type) -> Iterator[object]:
        module = sys.modules.get(kind.__module__)
        path = _file_of(module)
        # A module without a file is a notebook's, except those that are built into Python.
        if kind.__module__ in sys.builtin_module_names or (path is not None and is_installed(path)):
            package = sys.modules.get(kind.__module__.partition(".")[0])
            version = getattr(package, "__version__", "")
            yield f"{kind.__module__}.{kind.__qualname__} {version}".encode()
            return
        written = False
        if module is not None and path is not None and path.is_file():
            written = True
            yield self._named(vars(module), path)
        yield from kind.__bases__
        for name, value in sorted(vars(kind).items()):
            special = name.startswith("__") or name == "_abc_impl"
            if special and not isinstance(value, _METHODS):
                continue  # Python's own entries
            if inspect.ismemberdescriptor(value) or inspect.isgetsetdescriptor(value):
                continue  # the places of __slots__
            if written and not (_is_code(value) or _is_plain(value)):
                continue  # as in the source
            yield name.encode()
            yield value


class _Pickler(pickle.Pickler):
    """A pickler that replaces code by its hash, wherever it occurs."""

    def __init__(self, stream: io.BytesIO, contents: _Contents) -> None:
        super().__init__(stream, protocol=5)
        self._contents = contents

    def persistent_id(self, obj: object) -> str | None:
        return self._contents.of_code(obj)


def _of_globals(place: _Globals) -> Iterator[object]:
    """The source as it is in the files, and the code as it was loaded, which may be older."""
    for path in files_of(place.file):
        yield path.name.encode() + path.read_bytes()
    for name, value in sorted(place.names.items()):
        if not name.startswith("__") and _is_code(value):
            yield name.encode()
            yield value


def _of_code(code: CodeType, names: dict[str, Any], *, written: bool) -> Iterator[object]:
    yield code.co_code + repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant, names, written=written)
        else:
            yield constant
    for name in code.co_names:
        # The source says how its globals are made, but other code may have set a plain value.
        if name in names and (not written or _is_plain(names[name])):
            yield name.encode()
            yield names[name]


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, cast("tuple[object, ...]", value)))
    return isinstance(value, _PLAIN)


def _is_code(value: object) -> bool:
    return isinstance(value, (*_METHODS, ModuleType, type)) or _wraps(value)


def _wraps(thing: object) -> bool:
    """Whether it stands for a function, as `functools.lru_cache` makes it."""
    return "__wrapped__" in getattr(thing, "__dict__", {}) and not isinstance(thing, _METHODS)


def _of_tensor(tensor: Any, torch: Any) -> Iterator[object]:
    # Its pickle contains an address.
    yield f"{tensor.dtype} {tuple(tensor.shape)}".encode()
    yield tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
