"""A user's metric: used as intended, or refused in one line."""

from __future__ import annotations

import json
import math
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage import data

import srbench
from srbench.imaging import imresize
from srbench.metrics import Facts, Metric, Original, find_metrics

HR = np.ascontiguousarray(data.astronaut()[:64, 160:240])
SR = imresize(imresize(HR, 1 / 4), 4)

FILE = '''
import numpy as np
from helper import FACTOR

def error(sr, hr):
    """Mean error."""
    print("scoring")
    hr[:] = hr  # its own copy
    return FACTOR * np.abs(sr.astype(float) - hr).mean()

error.direction, error.label, error.decimals = "lower", "Error", 3

def sharp(sr):
    sr[::2] = 0
    return np.float32(sr.mean())

def swapped(reference, distorted):
    return float(reference[0, 0, 0]) * 1000 + float(distorted[0, 0, 0])

def boom(sr, hr):
    raise ValueError("two\\nlines")

def leave(sr, hr):
    raise SystemExit(3)

def shape(sr, hr): return sr * 1.0
def none(sr, hr): pass
def text(sr, hr): return "3"
def truth(sr, hr): return True
def nan(sr, hr): return float("nan") if sr.mean() > LIMIT else 1.0
def three(a, b, c): return 1.0
def only(hr): return 1.0

LIMIT = 0
versioned = lambda sr, hr: 1.0
versioned.version = "v7"
wrong = lambda sr, hr: 1.0
wrong.direction = "lower is better"
'''


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


@pytest.fixture
def given(file, monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "helper", raising=False)
    return lambda name: f"m={file}:{name}"


def test_a_function_is_scored_as_it_would_be_by_hand(given, capfd):
    found = srbench.score(SR, HR, scale=4, metrics=[given("error")])
    assert found == {"m": 2 * np.abs(SR.astype(float) - HR).mean()}
    assert capfd.readouterr().out == ""
    facts = find_metrics([given("error")])[0].facts[0]
    assert (facts.key, facts.better, facts.label, facts.decimals) == (
        ("user", "m"), "lower", "Error", 3,
    )  # fmt: skip


def test_changing_what_it_is_given_hurts_nobody(given):
    before = SR.copy()
    words = [given("sharp"), "psnr"]
    assert (
        srbench.score(SR, HR, scale=4, metrics=words)["psnr_y"]
        == (srbench.score(SR, HR, scale=4)["psnr_y"])
    )
    assert np.array_equal(SR, before)


def test_the_original_comes_first_where_the_parameters_say_so(given):
    found = srbench.score(SR, HR, scale=4, metrics=[given("swapped")])["m"]
    assert found == float(HR[0, 0, 0]) * 1000 + float(SR[0, 0, 0])


def test_a_functions_version_is_its_protocol_and_fingerprint(given):
    facts = find_metrics([given("versioned")])[0].facts[0]
    assert (facts.protocol, facts.fingerprint) == ("v7", "version v7")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("boom", "metric m raised: ValueError: two lines"),
        ("leave", "metric m raised: SystemExit: 3"),
        ("shape", r"returned a ndarray of shape \(64, 80, 3\), expected one number"),
        ("none", "returned None, expected one number"),
        ("text", "returned a str, expected one number"),
        ("truth", "returned True, expected one number"),
        ("three", r"takes a, b, c; expected a function of \(sr, hr\) or of \(sr\)"),
        ("only", "takes hr alone"),
        ("wrong", "direction is 'lower is better'; expected 'higher' or 'lower'"),
        ("LIMIT", "m is 0; a metric is a function"),
        ("eror", "has no 'eror'; it has error"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(given, name, message):
    with pytest.raises(srbench.SrbenchError, match=message) as caught:
        srbench.score(SR, HR, scale=4, metrics=[given(name)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("m=nowhere.py:f", "there is no file nowhere.py"),
        ("m=no.such.module:f", "cannot import no.such.module: ModuleNotFoundError"),
        ("m=mine.py", "does not name a function; expected m=FILE.py:function"),
        ("psnr=os.path:join", "'psnr' is one of our metrics"),
        ("a b=os.path:join", "cannot name a metric"),
        ("os.path:join", "NAME=os.path:join"),
    ],
)
def test_a_word_that_leads_nowhere_is_refused(word, message):
    with pytest.raises(srbench.SrbenchError, match=message):
        find_metrics([word])


def test_a_file_that_cannot_be_run_is_told(tmp_path):
    (tmp_path / "bad.py").write_text("def f(:\n")
    with pytest.raises(srbench.SrbenchError, match=r"bad.py cannot be run: SyntaxError"):
        find_metrics([f"m={tmp_path / 'bad.py'}:f"])


def test_a_function_in_memory_is_known_by_what_it_does():
    def made(factor):
        def mine(sr, hr):
            return float(np.abs(sr.astype(float) - hr).mean()) * factor

        return mine

    one, same, other = (find_metrics([made(f)])[0].facts[0] for f in (1, 1, 2))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    with pytest.raises(srbench.SrbenchError, match="a lambda has no name"):
        find_metrics([lambda sr: 1.0])
    with pytest.raises(srbench.SrbenchError, match="named twice"):
        find_metrics([made(1), made(1)])


@pytest.mark.parametrize(
    "names",
    ["hr_image, sr_image", "imgHR, imgSR", "y_true, y_pred", "img_ref, img_dist", "GT, out",
     "ground_truth, restored", "original_image, x", "HRImage, SRImage",
     "label, prediction", "x, x_hat", "image, restoredImage"],
)  # fmt: skip
def test_the_original_comes_first_under_any_of_its_names(names):
    space: dict = {}
    exec(f"def f({names}): return float({names.partition(',')[0]}.mean())", space)
    assert srbench.score(SR, HR, scale=4, metrics=[space["f"]])["f"] == HR.mean()
    swapped = ", ".join(reversed(names.split(", ")))
    exec(f"def f({swapped}): return float({swapped.partition(',')[0]}.mean())", space)
    assert srbench.score(SR, HR, scale=4, metrics=[space["f"]])["f"] == SR.mean()


@pytest.mark.parametrize("word", ["better", "higher_is_better", "lower_is_better"])
def test_words_of_other_libraries_for_the_direction_are_not_ignored(word):
    def mine(sr, hr):
        return 1.0

    setattr(mine, word, False)
    with pytest.raises(srbench.SrbenchError, match=f"mine has an attribute {word}, which is not"):
        find_metrics([mine])
    mine.direction = "lower"
    assert find_metrics([mine])[0].facts[0].better == "lower"


def test_the_protocol_of_imported_scores_is_theirs():
    """Their cache key contains neither the original nor the code."""

    def mine(sr, hr):
        return 1.0

    mine.version = "imported"
    with pytest.raises(srbench.SrbenchError, match="'imported' is the protocol of imported scores"):
        find_metrics([mine])


@pytest.mark.parametrize("version", ["", " 1", "1\x1b[31m", "1\u2028", "v" * 65])
def test_a_version_that_tables_cannot_keep_is_refused(version):
    def mine(sr, hr):
        return 1.0

    mine.version = version
    with pytest.raises(srbench.SrbenchError, match="expected a name of up to 64 characters"):
        find_metrics([mine])


def test_threads_that_score_at_once_leave_the_output_to_the_program():
    """Each waits for the other inside the metric, if it can get there, and ends after it began."""
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first(sr):
        first_in.set()
        second_in.wait(0.2)
        return 1.0

    def second(sr):
        second_in.set()
        first_out.wait(0.2)
        return 2.0

    def run_first():
        found.update(srbench.score(SR, HR, scale=4, metrics=[first]))
        first_out.set()

    found: dict[str, float] = {}
    before = sys.stdout, list(warnings.filters)
    thread = threading.Thread(target=run_first)
    thread.start()
    first_in.wait()
    found.update(srbench.score(SR, HR, scale=4, metrics=[second]))
    thread.join()
    assert found == {"first": 1.0, "second": 2.0}
    assert (sys.stdout, list(warnings.filters)) == before


class Two(Metric):
    """A metric of two numbers that prepares the original."""

    def __init__(self, power: int = 1) -> None:
        self.power = power
        self.facts = (
            Facts("mean_gap", "mine-1", better="lower"),
            Facts("lr_gap", "mine-1", needs="lr"),
        )

    def prepare(self, original: Original):
        mean, lr = original.hr.mean(), original.lr.mean()
        return lambda sr: (abs(sr.mean() - mean) ** self.power, abs(sr.mean() - lr))


def test_a_metric_object_goes_the_same_way():
    found = srbench.score(SR, HR, scale=4, metrics=[Two()])
    lr = imresize(HR, 1 / 4)
    assert found == pytest.approx(
        {"mean_gap": abs(SR.mean() - HR.mean()), "lr_gap": abs(SR.mean() - lr.mean())}
    )
    prints = {find_metrics([Two(p)])[0].facts[0].fingerprint for p in (1, 1, 2)}
    assert len(prints) == 2


def test_two_numbers_of_one_name_are_both_there():
    class Both(Metric):
        facts = (Facts("gap", "linear"), Facts("gap", "squared"))

        def prepare(self, original: Original):
            return lambda sr: (2.0, 4.0)

    found = srbench.score(SR, HR, scale=4, metrics=[Both()])
    assert found["value"].to_list() == [2.0, 4.0]
    assert found["protocol"].to_list() == ["linear", "squared"]


def stated(**changed):
    """A metric with these facts or, for names of methods, results of them."""

    class Mine(Metric):
        facts = (Facts(**{"name": "mine", "protocol": "mine-1"} | changed.pop("facts", {})),)

        def prepare(self, original: Original):
            return lambda sr: 1.0

    for name, result in changed.items():
        setattr(Mine, name, lambda self, *_, result=result: result)
    return Mine()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"facts": {"protocol": "two\nlines"}},
            "expected a name of up to 64 characters on one line",
        ),
        ({"facts": {"protocol": "\x1b[31m"}}, "expected a name of up to 64 characters on one line"),
        ({"facts": {"word": "psnr"}}, "word is 'psnr', which selects metrics of ours"),
        ({"facts": {"range": (0,)}}, "expected the smallest and the largest value"),
        ({"facts": {"range": ("a", 1)}}, "expected the smallest and the largest value"),
        ({"least": "x"}, "mine.least returned a str, expected pixels"),
        ({"missing": "x"}, "mine.missing returned a str, expected None or"),
    ],
)
def test_wrong_facts_of_a_metric_are_refused(root, changed, message):
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.run_all(["nearest"], ["Mini"], [stated(**changed)], root / "out")
    assert not (root / "out/scores.csv").exists()


# The whole chain, on a small set of real pictures.


@pytest.fixture
def root(tmp_path, monkeypatch):
    from srbench.imaging import write_png

    for name, image in {"eye": data.chelsea()[60:160, 100:180], "face": HR}.items():
        write_png(tmp_path / "data/Mini/HR" / f"{name}.png", np.ascontiguousarray(image))
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


@pytest.fixture
def run(run_cli, root):
    def start(*metrics: str, more=()):
        return run_cli("run-all", "--datasets", "Mini", "--methods", "nearest,bicubic", "--out",
                       root / "out", "--metrics", ",".join(metrics), *more)  # fmt: skip

    return start


def test_it_is_shown_wherever_ours_are(run, given, root):
    ran = run("psnr", given("error"))
    assert ran.code == 0, ran.err
    assert "Error ↓" in ran.out
    assert "the metric m prints while it scores, which is not shown (first: 'scoring')" in ran.err
    out = root / "out"
    rows = pd.read_csv(out / "scores.csv")
    mine = rows[rows["metric"] == "m"]
    assert len(mine) == 4
    assert set(mine["protocol"]) == {"user"}
    summary = (out / "tables/summary.csv").read_text("utf-8")
    assert "m:user" in summary
    assert "user,m," in (out / "tables/significance.csv").read_text("utf-8")
    assert (out / "figures/plane_x4.png").is_file()  # lower is better: the other axis
    assert "Error" in (out / "report.html").read_text("utf-8")
    recorded = {f["name"]: f for f in json.loads((out / "run.json").read_text())["metrics"]}
    assert recorded["m"]["better"] == "lower"
    assert str(root) not in (out / "run.json").read_text()


def test_the_cache_knows_it_by_its_source(run, given, file, root, monkeypatch):
    assert run(given("error")).code == 0
    assert "nothing to compute" in run(given("error")).err
    (file.parent / "helper.py").write_text("FACTOR = 3\n")
    monkeypatch.delitem(__import__("sys").modules, "helper", raising=False)
    before = pd.read_csv(root / "out/scores.csv")["value"]
    ran = run(given("error"))
    assert "nothing to compute" not in ran.err
    after = pd.read_csv(root / "out/scores.csv")["value"]
    assert after.to_numpy() == pytest.approx(1.5 * before.to_numpy(), abs=1e-5)


def test_a_fault_in_it_names_metric_data_set_image_and_method(refused, root, given):
    line = refused("run-all", "--datasets", "Mini", "--methods", "nearest", "--out", root / "out",
                   "--metrics", given("boom"))  # fmt: skip
    assert "Mini/eye, nearest: the metric m raised: ValueError: two lines" in line


def test_nan_is_missing_with_the_reason(run, given, root):
    ran = run("psnr", given("nan"))
    assert ran.code == 0, ran.err
    assert "NaN" in ran.out
    rows = pd.read_csv(root / "out/scores.csv")
    assert all(math.isnan(v) for v in rows.loc[rows["metric"] == "m", "value"])
    notes = (root / "out/tables/summary.md").read_text("utf-8")
    assert "m (user) of bicubic on Mini ×4: the metric gave no number (NaN) for 2 of 2" in notes
    assert run("psnr", given("nan")).code == 0  # and its result is not cached
    assert "nothing to compute" in run("psnr", given("nan")).err


def test_metrics_of_an_earlier_run_stay_and_the_old_record_is_read(run, given, root):
    assert run("psnr", "ssim").code == 0
    record = root / "out/run.json"
    old = json.loads(record.read_text())
    del old["metrics"]
    record.write_text(json.dumps(old | {"protocols": ["matlab", "basicsr"], "lpips": []}))
    assert run(given("error")).code == 0
    found = set(pd.read_csv(root / "out/scores.csv")["protocol"])
    assert found == {"matlab", "basicsr", "user"}


def test_no_metric_is_left(refused, root):
    options = ("run-all", "--datasets", "Mini", "--methods", "nearest", "--out", root / "out")
    assert "gives lpips" not in refused(*options, "--metrics", ",")
    assert "--no-lpips leaves it out" in refused(*options, "--metrics", "lpips", "--no-lpips")
    assert "none of the metrics can be computed" in refused(*options, "--metrics", "lpips")


def test_a_module_that_only_says_it_lies_beside_is_passed_over(given, file, monkeypatch):
    """torch's ``_classes`` has a file name without a folder as ``__file__``."""
    import sys
    from types import SimpleNamespace

    monkeypatch.chdir(file.parent)
    monkeypatch.setitem(sys.modules, "ghost", SimpleNamespace(__file__="ghost.py"))
    assert find_metrics([given("sharp")])
