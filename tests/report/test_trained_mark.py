"""A network that was trained on a metric is marked wherever its value of this metric is shown."""

import pandas as pd

from srbench.benchmark.results import Score
from srbench.cli.console import table_console
from srbench.report.benchmark.significance import significance
from srbench.report.benchmark.tables import TRAINED_NOTE, significance_table
from srbench.report.benchmark.terminal import scores_table
from srbench.report.kit.style import trained_mark

ROWS = [
    Score("Set5", image, method, 4, protocol, metric, value + k / 100)
    for k, image in enumerate(("baby", "bird", "woman"))
    for method, value in (("srgan-lpips", 0.1), ("srgan-mse", 0.2))
    for protocol, metric in (
        ("matlab", "psnr_y"),
        ("lpips-v0.1", "lpips_alex"),
        ("lpips-v0.1", "lpips_squeeze"),
    )
]


def printed(table):
    console = table_console()
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_terminal_marks_the_metric_it_was_trained_on_and_no_other():
    text = printed(scores_table(ROWS, {}))
    assert text.count("†") == 2  # the number and the line that explains it
    line = next(line for line in text.splitlines() if "srgan-lpips" in line)
    assert line.split()[-3:].count("0.1100†") == 1
    assert "† trained on this metric" in text
    assert "†" not in printed(scores_table([r for r in ROWS if r.metric != "lpips_alex"], {}))


def test_what_the_card_said_goes_before_the_name():
    run = {"trained_on_metric": {"x4": {"srgan-lpips": None, "srgan-mse": "lpips_squeeze"}}}
    lines = printed(scores_table(ROWS, run)).splitlines()
    assert [line.split()[-4:] for line in lines if "†" in line and "srgan" in line] == [
        ["srgan-mse", "0.21", "0.2100", "0.2100†"]
    ]
    of_another_scale = {"trained_on_metric": {"x2": {"srgan-lpips": None}}}
    assert trained_mark(of_another_scale, "srgan-lpips", 4, "lpips_alex") == "†"
    assert trained_mark({"trained_on_metric": "?"}, "srgan-mse", 4, "lpips_alex") == ""


def test_the_tests_of_differences_mark_it_too():
    scores = pd.DataFrame(ROWS)
    table = significance_table(significance(scores), {})
    marked = {row[3].value for row in table.rows if any("†" in cell.text for cell in row)}
    assert marked == {"lpips_alex"}
    assert TRAINED_NOTE in table.notes
