"""Every command in the README and in docs/ runs, and every option that they name exists."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from skimage import data

from srbench.cli import app
from srbench.imaging import write_png

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
README = CHECKOUT / "README.md"
PAGES = [README, CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
# Other pages with commands.
BESIDE = [CHECKOUT / name for name in ("results/README.md", "benchmarks/README.md", "SECURITY.md")]
BLOCK = re.compile(
    r"(?:<!-- (?P<kind>not run|file): (?P<what>[^>]*?) -->\n)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)```",
    re.DOTALL,
)


def named(page):
    return page.relative_to(CHECKOUT).as_posix()


def blocks(page):
    return [match.groupdict() for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def commands_of(text):
    """The single commands of a shell block: continuation lines joined, `&&` taken apart."""
    lines = text.replace("\\\n", " ").splitlines()
    for line in lines:
        for part in line.split("&&"):
            if part.strip() and not part.strip().startswith("#"):
                yield part.strip()


def shell_commands(page):
    for block in blocks(page):
        if block["language"] == "bash":
            yield from ((command, block["kind"]) for command in commands_of(block["text"]))


def inline_commands(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    indented = [part for line in re.findall("(?m)^    (.+)", text) for part in commands_of(line)]
    return re.findall(r"`(srbench [^`]+)`", text) + indented


def check_options(command):
    """The command exists, and so does every option that it is given."""
    words = shlex.split(command, comments=True)
    while "=" in words[0]:
        words.pop(0)  # OMP_NUM_THREADS=4 srbench ...
    node, words = typer.main.get_command(app), words[1:]
    while words and hasattr(node, "commands") and not words[0].startswith("-"):
        if words[0] == "COMMAND":
            return
        assert words[0] in node.commands, command
        node, words = node.commands[words[0]], words[1:]
    known = {name for param in node.params for name in param.opts} | {"--help"}
    for word in words:
        if word.startswith("--"):
            assert word.split("=")[0] in known, f"{command}: no option {word}"


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=named)
def test_every_command_and_option_exists(page):
    for command in [c for c, _ in shell_commands(page)] + inline_commands(page):
        if re.match(r"([A-Z_]+=\S+ )*srbench ", command):
            check_options(command)


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=named)
def test_what_is_not_run_says_why_and_links_lead_somewhere(page):
    for block in blocks(page):
        if block["kind"] == "not run":
            assert len(block["what"]) > 10, page
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_reference_pages_are_those_of_the_code():
    sys.path.insert(0, str(DOCS))
    try:
        import make_reference
    finally:
        sys.path.remove(str(DOCS))
    for name, text in (
        ("commands.md", make_reference.commands_page()),
        ("python.md", make_reference.python_page()),
    ):
        kept = (DOCS / "reference" / name).read_text(encoding="utf-8")
        assert kept == text.rstrip() + "\n", f"run: python docs/make_reference.py ({name} is old)"
        assert not re.search(r"ForwardRef|\*args, \*\*kwargs|<class", kept)
    for part in re.findall(r"\*\*(?:Args|Raises)\*\*\n\n((?:[- ] .*\n)+)", kept):
        for line in re.findall("^- .*", part, re.MULTILINE):
            assert re.match(r"- \w+(, \w+)*: ", line), f"indent the second line of an entry: {line}"


def test_the_readme_s_python_gives_what_it_says():
    (example,) = [block["text"] for block in blocks(README) if block["language"] == "python"]
    *before, last = example.strip().splitlines()
    here = {"image": data.astronaut()}
    exec("\n".join(before), here)
    scores = eval(last, here)
    assert list(scores) == re.findall(r'"(\w+)":', last)
    assert scores["psnr_y"] > 26


def test_nobody_is_told_to_install_another_package_of_our_name():
    told = [
        f"{page.relative_to(CHECKOUT)}: {line.strip()}"
        for folder in ("srbench", "study_app", "docs", "benchmarks")
        for kind in ("*.py", "*.md", "*.html")
        for page in (CHECKOUT / folder).rglob(kind)
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.search(r"""pip install (-\S+ )*['"]?srbench|install srbench\[""", line)
    ]
    assert told == []


def test_every_benchmark_is_listed():
    listed = (CHECKOUT / "benchmarks/README.md").read_text(encoding="utf-8")
    modules = {path.name for path in (CHECKOUT / "benchmarks").glob("[a-z]*.py")}
    assert {name for name in modules if f"`{name}`" not in listed} == set()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for the commands of a page, with photographs, an import, and a study if needed.

    Small parts of the sample images replace them (with other pixels than the recorded ones),
    because the full images would take an hour.
    """
    small = {
        "astronaut": data.astronaut()[40:136, 170:266],
        "coffee": data.coffee()[100:196, 200:296],
        "rocket": data.rocket()[100:196, 200:296],
    }
    for name, image in small.items():
        write_png(tmp_path / f"data/sample-parts/{name}.png", np.ascontiguousarray(image))
        write_png(tmp_path / f"my-photos/{name}.png", np.ascontiguousarray(image))
    write_png(tmp_path / "my-photos/one.png", data.chelsea()[:64, :64].copy())
    grass = data.grass()
    for number in range(9):
        top, left = 130 * (number % 3), 130 * (number // 3)
        write_png(tmp_path / f"photos/{number}.png", grass[top:, left:][:120, :120].copy())
    from srbench.data import folder, known

    parts = {path.stem: path for path in sorted((tmp_path / "data/sample-parts").iterdir())}
    for module in (folder, known):
        monkeypatch.setattr(module, "sample_dataset", lambda: folder.Dataset("sample", parts))
    unrecorded = replace(known.catalogue()["sample"], pixels={})
    entries = {**known.catalogue(), "sample": unrecorded}
    monkeypatch.setattr(known, "catalogue", lambda: entries)
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The files that earlier pages create.
BEFORE = {
    "how-to/own-checkpoint.md": ["srbench data import Mine my-photos"],
    "how-to/own-metric.md": ["srbench data import Mine my-photos"],
    "how-to/lab-study.md": [
        "srbench run-all --datasets sample --methods nearest,bicubic --out results"
    ],
    "how-to/online-study.md": [
        "srbench run-all --datasets sample --methods nearest,bicubic --out results"
    ],
    "how-to/pair-study.md": [
        "srbench run-all --datasets sample --methods nearest,bicubic --out results"
    ],
    "how-to/crowd-study.md": [
        "srbench run-all --datasets sample --methods nearest,bicubic --out results"
    ],
    "how-to/languages.md": [
        "srbench run-all --datasets sample --methods nearest,bicubic --out results",
    ],
}
FOLLOWED = [page for page in PAGES if re.search("```bash|<!-- file:", page.read_text("utf-8"))]


@pytest.mark.parametrize("page", FOLLOWED, ids=named)
@pytest.mark.slow
def test_following_the_page_works(page, place, run_cli):
    name = page.relative_to(DOCS).as_posix() if page.is_relative_to(DOCS) else page.name

    def do(command):
        if command.startswith(("pip ", "python -m venv", ". .venv", "pytest", "pre-commit")):
            return  # the installation, which .ci/run tests
        if command.startswith("srbench "):
            ran = run_cli(*shlex.split(command, comments=True)[1:])
            assert ran.code == 0, f"{command}: {ran.err}"
            return
        program = shlex.split(command)
        assert program[0] == "python", f"{name}: {command} is no command this test knows"
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        subprocess.run([sys.executable, *program[1:]], check=True, env=environment)

    for command in BEFORE.get(name, []):
        do(command)
    for block in blocks(page):
        if block["kind"] == "file":
            target = place / block["what"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block["text"], encoding="utf-8")
        elif block["language"] == "bash" and block["kind"] is None:
            for command in commands_of(block["text"]):
                do(command)
        elif block["language"] == "python" and block["kind"] is None:
            exec(compile(block["text"], name, "exec"), {"image": data.astronaut()})
    if name == "reference/files.md":
        from srbench.config import read_experiment

        assert read_experiment("experiment.toml").crops[0].box == (100, 80, 64, 64)
    if name == "how-to/languages.md":
        from srbench.study.manifest import load_manifest

        made = load_manifest(place / "study")
        assert made.texts["de"]["go_on"] == "Weiter"
        assert [question.id for question in made.questionnaire] == ["screen"]
