"""The hash of a user's code, which decides whether earlier results are reused."""

import importlib
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from skimage import data

import srbench
from srbench.fingerprint import files_of, source_fingerprint
from srbench.imaging import imresize, write_png
from srbench.metrics import find_metrics

# Code of a notebook that makes ``x``; then a user changes its first "2" to "3".
NOTEBOOK = {
    "method of an object": "class M:\n def upscale(self, lr): return lr * 2\nx = M()",
    "class attribute": "class M:\n k = 2\n def __call__(self, lr): return self.k\nx = M()",
    "base class": "class B:\n def k(self): return 2\nclass M(B): pass\nx = M()",
    "static method": "class M:\n @staticmethod\n def k(): return 2\nx = M()",
    "property": "class M:\n @property\n def k(self): return 2\nx = M()",
    "inner class": "class M:\n class I:\n  k = 2\nx = M()",
    "place of __slots__": "class M:\n __slots__ = 'k',\nx = M()\nx.k = 2",
    "bound method": "class M:\n def k(s): return 2\n def f(s, lr): return s.k()\nx = M().f",
    "argument of a partial": "from functools import partial\nx = partial(max, 2)",
    "function of a partial": "import functools\ndef f(a, b): return 2\nx = functools.partial(f, 0)",
    "cached function": "import functools\n@functools.cache\ndef x(lr): return 2",
    "cached function within": "import functools as t\n@t.cache\ndef f(): return 2\n"
    "def x(lr): return f()",
    "function in a list": "def f(): return 2\nL = [f]\ndef x(lr): return L[0]()",
    "object that is a global": "class M:\n def k(s): return 2\no = M()\ndef x(lr): return o.k()",
    "object that is a default": "class M:\n def k(s): return 2\ndef x(lr, o=M()): return o.k()",
    "attribute of a function": "def x(lr): return x.k\nx.k = 2",
    "global of an inner function": "K = 2\ndef x(lr):\n def f(): return K\n return f()",
    "member of a set": "S = {'a', 'b2', 'c'}\ndef x(lr): return S",
    "weights": "import torch\nw = torch.full((3,), 2.0)\ndef x(lr): return w",
    "layer": "import torch\ntorch.manual_seed(2)\nx = torch.nn.Linear(4, 4)",
}


def made(source: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """``x`` of a cell that was run in a notebook, whose module has no file."""
    notebook = ModuleType("notebook_of_a_test")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    exec(compile(source, "<cell 1>", "exec"), vars(notebook))
    return notebook.x  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("what", NOTEBOOK)
def test_a_change_in_a_notebook_changes_the_hash_and_nothing_else_does(what, monkeypatch):
    source = NOTEBOOK[what]
    changed = source.replace("2", "3", 1)
    first, again, other = (
        source_fingerprint(made(text, monkeypatch)) for text in (source, source, changed)
    )
    assert first == again != other


def test_what_cannot_be_hashed_is_never_the_same(monkeypatch):
    import threading

    lock = threading.Lock()

    def waits(lr):
        return lock

    assert source_fingerprint(waits) != source_fingerprint(waits)


def test_code_that_uses_itself_has_a_hash(monkeypatch):
    source = "def x(n): return x(n - 1) + y(n) if n else 0\ndef y(n): return x(n)"
    assert source_fingerprint(made(source, monkeypatch)) == source_fingerprint(
        made(source, monkeypatch)
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """``mine.py`` that imports a package beside it, and a folder in the search path."""
    files = {
        "mine.py": "import shared_of_test\nfrom parts_of_test.deep import value\n"
        "def f(sr):\n    from parts_of_test import late\n    return value()\n",
        "parts_of_test/__init__.py": "",
        "parts_of_test/deep.py": "from .deeper import K\ndef value(): return K\n",
        "parts_of_test/deeper.py": "K = 2\n",
        "parts_of_test/late.py": "K = 2\n",
        "parts_of_test/unused.py": "K = 2\n",
        "elsewhere/shared_of_test.py": "K = 2\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def fingerprint_of(folder):
    for name in [name for name in sys.modules if name.endswith("_of_test")]:
        del sys.modules[name]  # as in another process
    return find_metrics([f"mine={folder / 'mine.py'}:f"])[0].facts[0].fingerprint


def test_all_files_that_a_file_imports_count(project):
    before = fingerprint_of(project)
    assert fingerprint_of(project) == before
    (project / "parts_of_test/unused.py").write_text("K = 3\n")
    assert fingerprint_of(project) == before
    for name in (
        "parts_of_test/deeper.py",
        "parts_of_test/late.py",
        "elsewhere/shared_of_test.py",
    ):
        (project / name).write_text("K = 3\n")
        after = fingerprint_of(project)
        assert after != before, name
        before = after
    assert {path.name for path in files_of(project / "mine.py")} >= {"late.py", "deeper.py"}


def test_a_metric_with_a_package_beside_it_goes_to_another_machine(project):
    import pickle

    metric = find_metrics([f"mine={project / 'mine.py'}:f"])[0]
    sent = pickle.dumps(metric)
    for name in [name for name in sys.modules if name.startswith("parts_of_test")]:
        del sys.modules[name]
    (project / "parts_of_test/deeper.py").write_text("K = 9\n")
    there = pickle.loads(sent)
    hr = np.zeros((16, 16), np.uint8)
    assert srbench.score(hr, hr, scale=4, metrics=[there]) == {"mine": 2.0}


def test_code_that_was_loaded_before_its_file_changed_is_another(tmp_path, monkeypatch):
    """Its numbers must not be taken for those of the new file in a later session."""
    file = tmp_path / "loaded_of_test.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file.write_text("def part(): return 2\ndef f(sr): return part()\n")
    module = importlib.import_module(file.stem)
    file.write_text("def part(): return 3\ndef f(sr): return part()\n")
    old = source_fingerprint(module.f)
    module = importlib.reload(module)
    assert source_fingerprint(module.f) != old
    del sys.modules[file.stem]


def test_two_files_that_import_different_helpers_of_one_name_are_refused(tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.py").write_text("from aid_of_test import K\ndef f(sr): return K\n")
        (tmp_path / folder / "aid_of_test.py").write_text(f"K = {value}\n")
    words = [f"{name}={tmp_path / name / 'm.py'}:f" for name in "ab"]
    with pytest.raises(srbench.SrbenchError, match=r"b: m.py imports aid_of_test, which this"):
        find_metrics(words)
    del sys.modules["aid_of_test"]
    assert find_metrics(words[1:])
    del sys.modules["aid_of_test"]


class Doubled:
    """A method whose code a test changes."""

    def upscale(self, lr):
        return imresize(lr, 4)


def test_an_edited_method_object_is_computed_again(tmp_path, monkeypatch):
    hr = np.ascontiguousarray(data.astronaut()[40:120, 180:260])
    write_png(tmp_path / "data/Mini/HR/face.png", hr)

    def value():
        run = srbench.run_all([Doubled()], ["Mini"], ["psnr_rgb"], tmp_path / "out",
                              data=tmp_path / "data")  # fmt: skip
        return run.scores["value"].item()

    cubic = value()
    assert value() == cubic
    monkeypatch.setattr(Doubled, "upscale", lambda self, lr: np.kron(lr, np.ones((4, 4, 1), "u1")))
    sr = np.kron(imresize(hr, 1 / 4), np.ones((4, 4, 1), "u1"))
    assert value() == pytest.approx(
        srbench.score(sr, hr, scale=4, metrics=["psnr_rgb"])["psnr_rgb"], abs=1e-6
    )
    assert value() < cubic


def test_equal_tensors_have_equal_hashes():
    w = torch.arange(6).reshape(2, 3)
    assert source_fingerprint(w) == source_fingerprint(w.clone())
    assert source_fingerprint(w) != source_fingerprint(w.reshape(3, 2))
    assert source_fingerprint(w) != source_fingerprint(w.float())
