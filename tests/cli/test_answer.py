"""The terminal output of `study analyze`: the table and the conclusions of its files."""

import io

from rich.console import Console

from srbench.cli.answer import answer_table, conclusions


def printed(out):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(answer_table(out))
    return [line.split() for line in console.export_text().splitlines() if line.strip()]


def test_grades_are_shown_best_first_with_the_headline_interval(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "mos.csv").write_text(
        "dataset,method,mos,ci_low,ci_high,ci_method,dmos,simulated\n"
        "BSD100,a,2.5,2.25,2.75,crossed,3.1,False\nBSD100,a,2.5,2.4,2.6,student,3.1,False\n"
        "Set5,a,1.5,,,crossed,2.0,False\nSet5,'=b,4.126,4,4.2,crossed,4.9,False\n"
    )
    rows = printed(tmp_path)
    assert rows[1:] == [
        ["Set5", "=b", "4.13", "4.00", "4.20"],
        ["a", "1.50", "—", "—"],
        ["BSD100", "a", "2.50", "2.25", "2.75"],
    ]
    claims = [f"On Set{n}, something." for n in range(14)]
    text = "\n".join(["dataset,topic,claim", *(f'x,best,"{claim}"' for claim in claims)])
    (tmp_path / "tables/mos_claims.csv").write_text(text + "\n")
    assert conclusions(tmp_path) == [*claims[:12], "... and 2 more on the page"]


def test_dcr_shows_dmos_and_pairs_their_scale(tmp_path):
    (tmp_path / "mos.csv").write_text(
        "dataset,method,mos,ci_low,ci_high,ci_method,dmos,simulated\n"
        "Set5,a,,2.9,3.3,crossed,3.1,True\n"
    )
    head, row, note = printed(tmp_path)
    assert "DMOS" in head
    assert row == ["Set5", "a", "3.10", "2.90", "3.30"]
    assert note[0] == "SIMULATED:"
    (tmp_path / "scale.csv").write_text(
        "dataset,method,score,ci_low,ci_high,win_rate\nSet5,a,-0.4,-1,0.2,0.4\nSet5,b,0.4,0,1,0.6\n"
    )
    assert [row[-5:] for row in printed(tmp_path)[1:]] == [
        ["Set5", "b", "0.40", "0.00", "1.00", "0.60"][-5:],
        ["a", "-0.40", "-1.00", "0.20", "0.40"],
    ]
