"""Messages of a page act only on its own session and picture, or are refused.

This also applies while the command line erases and imports raters next to a running server. Tested
in real browsers, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater
from study_servers import ROOT, strolling_clock

from srbench.study.store import open_study

# Every vote that leaves a page, as the page says it: what the rater saw and pressed.
LISTEN = """(() => {
  window.cast = [];
  const stringify = JSON.stringify;
  JSON.stringify = (value, ...rest) => {
    for (const v of [].concat(value)) if (v?.event === 'vote') window.cast.push({...v.value});
    return stringify(value, ...rest);
  };
})()"""


@pytest.fixture(params=["sqlite", "postgresql"])
def beside(request, serve, folder):
    """A server on a study of one's own, the study beside it, and the command line."""
    database = None
    if request.param == "postgresql":
        database = request.getfixturevalue("new_database")()
    server = serve(folder, **({"SRBENCH_STUDY_DATABASE": database} if database else {}))
    study = open_study(folder, database, clock=strolling_clock())

    def command(*arguments: object) -> str:
        options = ["--database", database] if database else []
        ran = subprocess.run(
            [sys.executable, "-m", "srbench", "study", *map(str, arguments), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return ran.stdout

    yield server, study, command
    study.store.close()
    server.kill()


def listened(new_page, server, study, index, **options) -> Rater:
    page = new_page(**options)
    page.add_init_script(LISTEN)
    rater = Rater(page, server.url, study, index)
    rater.resume_at_main()
    return rater


def require_true(rater) -> None:
    """Each vote stored of a rater is one that the rater's page sent: grade and picture."""
    sent = {(m["trial"], m["stimulus"], m["score"]) for m in rater.page.evaluate("window.cast")}
    stored = {(row["trial"], row["stimulus"], row["score"]) for row in rater.rows()}
    assert stored
    assert stored == sent


def test_the_open_page_of_an_erased_rater_does_nothing_in_the_next_ones_session(
    beside, new_page, tmp_path
):
    server, study, command = beside
    erased = listened(new_page, server, study, 0)
    command("erase", server.folder, "--rater", erased.session.rater)
    stimulus = study.manifest.by_id[study.manifest.main[0]]
    table = tmp_path / "in.csv"
    table.write_text(
        "rater,dataset,image,method,score\n"
        f"anna,{stimulus.dataset},{stimulus.image},{stimulus.method},3\n"
    )
    command("import", server.folder, table)
    rater = listened(new_page, server, study, 1)
    erased.page.keyboard.press("1")
    erased.see("its data was removed")
    assert rater.votes() == []
    for trial in range(FIRST, FIRST + 12):
        rater.rate(1 + trial % 5, trial)
    rater.press_button("Finish")
    rater.see("Your completion code")
    assert [score for _, score in rater.votes()] == [1 + t % 5 for t in range(FIRST, FIRST + 12)]
    require_true(rater)


# The page turns to another link, as the back button does, and in the same moment the rater acts.
TURN = """([link, act]) => {
  history.pushState({}, '', `?r=${link}`);
  window.dispatchEvent(new PopStateEvent('popstate'));
  if (act.length > 1 && act !== 'Backspace')
    [...document.querySelectorAll('button')].find(b => b.innerText.includes(act)).click();
  else window.dispatchEvent(new KeyboardEvent('keydown', {key: act}));
}"""


@pytest.mark.parametrize("act", ["1", "Backspace", "Finish", "Undo the last rating"])
def test_what_was_done_on_one_raters_page_does_not_reach_the_one_it_turns_to(beside, new_page, act):
    server, study, _ = beside
    first, second = (listened(new_page, server, study, index) for index in (0, 1))
    last = FIRST + 1 if act in ("1", "Backspace") else FIRST + 12
    for rater in (first, second):
        for trial in range(FIRST, last):
            rater.rate(4, trial)
        if last == FIRST + 12:
            rater.page.get_by_role("button", name="Finish").wait_for()
        else:
            rater.wait_ready(f"{last}.1")
    second.page.goto("about:blank")
    before = second.votes(), second.session
    first.page.evaluate(TURN, [second.token, act])
    first.page.wait_for_timeout(500)
    # The page's parts have the session in their names.
    first.page.locator(f'[class*="{second.session.nonce}"]').first.wait_for(state="attached")
    first.settle()
    assert (second.votes(), second.session) == before
    # From now on the page is the second rater's, with the second rater's pictures.
    second.page = first.page
    if last == FIRST + 1:
        second.rate(2, last)
        second.wait_ready(f"{last + 1}.1")
        shown = second.page.evaluate("window.cast.at(-1).stimulus")
        assert second.playlist()[last].stimulus == shown == second.rows()[-1]["stimulus"]
        assert second.votes() == [(FIRST, 4), (last, 2)]
    else:
        second.press_button("Finish")
        second.see(second.session.completion_code or "Your completion code")
        assert first.session.completion_code is None


def test_two_servers_and_an_erasure_at_one_of_them(serve, folder, new_database, new_page):
    database = new_database()
    servers = [serve(folder, SRBENCH_STUDY_DATABASE=database) for _ in range(2)]
    study = open_study(folder, database, clock=strolling_clock())
    erased = listened(new_page, servers[0], study, 0)
    elsewhere = Rater(new_page(), servers[1].url, study, 0)
    elsewhere.page.goto(f"{servers[1].url}/?r={erased.token}")
    elsewhere.wait_ready(f"{FIRST}.1")
    study.store.erase(erased.session.rater)
    rater = listened(new_page, servers[1], study, 1)
    for page in (erased.page, elsewhere.page):
        page.keyboard.press("5")
        page.get_by_text("its data was removed").wait_for()
    rater.rate(2, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.goto(f"{servers[0].url}/?r={rater.token}")
    rater.rate(3, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 2), (FIRST + 1, 3)]
    shown = [trial.stimulus for trial in rater.playlist()[FIRST : FIRST + 2]]
    assert [row["stimulus"] for row in rater.rows()] == shown
    study.store.close()
