"""Resuming a session, messages about stored grades, and withdrawal, in real browsers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater
from study_servers import strolling_clock

from srbench.errors import StudyError
from srbench.imaging import read_image
from srbench.study import schema
from srbench.study.making import new_study
from srbench.study.manifest import stimulus_path
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import open_study


@pytest.fixture(scope="module")
def recruited(serve, made_once, tmp_path_factory):
    """A served study whose raters come from a recruiting site."""
    root = made_once.parent
    made = new_study(
        root / "results", tmp_path_factory.mktemp("recruited") / "study", calibration="Practice",
        data_root=root / "data", open_access=True, participant_parameter="PROLIFIC_PID", raters=9,
    )  # fmt: skip
    return serve(made.folder)


def test_a_participants_id_alone_opens_no_begun_session(recruited, new_context):
    server = recruited
    own = new_context()
    page = own.new_page()
    page.goto(f"{server.url}/?PROLIFIC_PID=victim")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("button", name="I have read this").click()
    page.get_by_role("heading", name="A few short questions").wait_for()
    link = page.url
    stranger = new_context().new_page()
    stranger.goto(f"{server.url}/?PROLIFIC_PID=victim")
    stranger.get_by_role("button", name="Enter").click()
    stranger.get_by_text("You have already started this study").wait_for()
    for word in ("Remove my data", "completion code", "A few short questions"):
        assert stranger.get_by_text(word).count() == 0
    assert "r=" not in stranger.url
    # The browser in which it was begun goes on, and so does the personal link anywhere.
    again = own.new_page()
    again.goto(f"{server.url}/?PROLIFIC_PID=victim")
    again.get_by_role("button", name="Enter").click()
    again.get_by_role("heading", name="A few short questions").wait_for()
    stranger.goto(link)
    stranger.get_by_role("heading", name="A few short questions").wait_for()
    # The next rater at the same screen begins anew.
    other = own.new_page()
    other.goto(f"{server.url}/?PROLIFIC_PID=next")
    other.get_by_role("button", name="Enter").click()
    other.get_by_role("button", name="I have read this").wait_for()


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "?PROLIFIC_PID=",
        "?PROLIFIC_PID=%20",
        "?PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D",
        "?PROLIFIC_PID=prolific_pid",
        "?workerId=somebody",
        "?PROLIFIC_PID=one&prolific_pid=two",
    ],
)
def test_an_address_that_names_nobody_begins_nothing(recruited, new_context, asked):
    page = new_context().new_page()
    page.goto(f"{recruited.url}/{asked}")
    page.get_by_text("open the link on the site that sent you again").wait_for()
    assert page.get_by_role("button", name="Enter").count() == 0


def test_the_parameter_is_known_whatever_its_case(recruited, new_context):
    own = new_context()
    page = own.new_page()
    page.goto(f"{recruited.url}/?prolific_pid=cased")
    page.get_by_role("button", name="Enter").click()
    page.get_by_role("button", name="I have read this").wait_for()
    stranger = new_context().new_page()
    stranger.goto(f"{recruited.url}/?Prolific_Pid=cased")
    stranger.get_by_role("button", name="Enter").click()
    stranger.get_by_text("You have already started this study").wait_for()


def written(page):
    """What stands on the page, without the character that keeps Streamlit from changing it."""
    return page.locator("body").inner_text().replace("\u2060", "")


def test_a_rater_who_types_the_workers_id_is_told_who_asks_and_led_back(
    serve, made_once, tmp_path, new_context
):
    root, texts = made_once.parent, tmp_path / "texts.toml"
    consent = [
        "You get $5 now and $6 at the end.", "# 1~5: bad, 6~9: good :material/home:", "    2. *b*",
        "x -- y -> z", "[a](b) <i> &amp; :red[c] :streamlit: \\\\_d_ **",
    ]  # fmt: skip
    texts.write_text(
        f"[en]\nconsent = '''{chr(10).join(consent)}'''\nconsent_title = ':x: -- _x_'\n"
        "consent_agree = ':x: **Yes**'\nparticipant_label = '*MTurk* worker :x:'\n"
        "[ar]\nlanguage = ':smile: *Arabic*'\n"
        "[[questions]]\nid = 'q'\nlabel.en = '1. :x: _Which_?'\noptions.en = [':x: *a*', 'b']\n"
    )
    made = new_study(
        root / "results", tmp_path / "study", calibration="Practice", data_root=root / "data",
        open_access=True, ask_participant=True, session_parameter="SESSION_ID",
        completion_code="_C1_ABC_", institution="Seoul *Test* $1 :x: University $2", texts=texts,
        contact="Lab <lab@example.org>",
        return_url="https://example.org/?cc={code}&p={participant}&s={session}", raters=9,
    )  # fmt: skip
    server, study = serve(made.folder), open_study(made.folder, clock=strolling_clock())
    page = new_context(locale="ko-KR").new_page()
    page.goto(f"{server.url}/?LANG=en-GB")
    page.get_by_text("open the link on the site that sent you again").wait_for()
    page.goto(f"{server.url}/?lang=en&SESSION_ID=s%201")
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("Please enter your ID exactly as the site shows it").wait_for()
    page.get_by_label("*MTurk* worker :x:", exact=True).fill(" A1B2C3 ")
    assert "*MTurk* worker :x:" in written(page)
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("This study is run by Seoul *Test* $1 :x: University $2.").wait_for()
    page.get_by_text(
        "4 practice pictures and then 12 pictures to rate. This takes about 3 minutes"
    ).wait_for()
    for words in ("Lab <", "lab@example.org", "stored only as a hash", consent[0]):
        page.get_by_text(words).wait_for()
    page.get_by_role("button", name=":x: **Yes**", exact=True).wait_for()
    for words in (*consent, ":x: -- _x_", ":smile: *Arabic*"):
        assert words.strip() in written(page)
    assert page.evaluate("[document.documentElement.lang, document.documentElement.translate]") == [
        "en",
        False,
    ]
    token = parse_qs(urlsplit(page.url).query)["r"][0]
    again = new_context().new_page()
    again.goto(f"{server.url}/?lang=en&SESSION_ID=s2")
    again.get_by_label("*MTurk* worker :x:").fill("a1b2c3")
    again.get_by_role("button", name="Enter").click()
    again.get_by_text("You have already started this study").wait_for()
    page.get_by_role("button", name=":x: **Yes**").click()
    page.get_by_label("1. :x: _Which_?", exact=True).click()
    page.get_by_role("option", name=":x: *a*", exact=True).click()
    assert "1. :x: _Which_?" in written(page)
    session = study.store.resume(token)
    for step in OPENING_STEPS:
        study.store.confirm(session, step)
    for trial in study.store.playlist(session):
        study.store.confirm(session, f"block-{trial.block}")
        study.store.vote(session, perfect_submission(study.manifest, trial, 3, 900))
    study.store.confirm(session, "debrief")
    page.reload()
    page.get_by_text("_C1_ABC_", exact=True).wait_for()
    back = page.get_by_role("link", name="Return to the site that sent you").get_attribute("href")
    assert back == "https://example.org/?cc=_C1_ABC_&p=A1B2C3&s=s%201"
    # In no file of the study.
    assert not any(b"A1B2C3" in file.read_bytes() for file in made.folder.glob("study.db*"))
    study.store.close()


def test_another_grade_than_the_stored_one_is_told_and_may_be_taken_back(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    second = Rater(rater.page.context.new_page(), rater.url, rater.study, 0)
    second.page.goto(f"{rater.url}/?r={rater.token}")
    second.wait_ready(f"{FIRST}.1")
    rater.rate(1, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    second.rate(5, FIRST)
    second.see("1 Bad is already stored")
    assert second.page.locator(".grades .chosen").inner_text().startswith("1 Bad")
    assert rater.votes() == [(FIRST, 1)]
    second.page.get_by_role("button", name="Undo").click()
    second.rate(5, FIRST, 2)
    second.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 5)]
    # Left as it is, the rater goes on to the next picture.
    rater.rate(3, FIRST + 1)  # this page has not seen that it was taken back and rated anew
    rater.wait_ready(f"{FIRST + 2}.1")
    second.rate(2, FIRST + 1)
    second.see("3 Fair is already stored")
    second.page.keyboard.press("Enter")
    second.wait_ready(f"{FIRST + 2}.1")
    # A picture that was left long ago: what is stored is told, and stays.
    for trial in (FIRST + 2, FIRST + 3):
        rater.rate(4, trial)
        rater.wait_ready(f"{trial + 1}.1")
    second.rate(1, FIRST + 2)
    second.see("4 Good is stored")
    assert not second.page.get_by_role("button", name="Undo").is_visible()
    second.page.keyboard.press("Enter")
    second.wait_ready(f"{FIRST + 4}.1")
    assert rater.votes() == [(FIRST, 5), (FIRST + 1, 3), (FIRST + 2, 4), (FIRST + 3, 4)]
    second.page.close()


def test_what_a_page_did_not_live_to_hear_is_told_to_the_next_one(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    store, playlist = rater.study.store, rater.playlist()
    for trial, score in ((FIRST, 2), (FIRST + 1, 4)):
        vote = perfect_submission(rater.study.manifest, playlist[trial], score, 900)
        assert store.vote(rater.session, vote).verdict == "accepted"
    # Sent by a page that was closed before the answer came.
    vote = perfect_submission(rater.study.manifest, playlist[FIRST + 1], 1, 900)
    assert store.vote(rater.session, vote).verdict == "differs"
    rater.page.reload()
    rater.see("4 Good is already stored")
    shown = read_image(stimulus_path(rater.study.folder, playlist[FIRST + 1].stimulus))
    canvas = rater.page.locator("canvas").bounding_box()
    assert (canvas["width"], canvas["height"]) == (shown.shape[1], shown.shape[0])
    rater.page.reload()
    rater.see("4 Good is already stored")
    rater.page.locator(".card .go").click()
    rater.wait_ready(f"{FIRST + 2}.1")
    rater.page.reload()
    rater.rate(5, FIRST + 2)
    rater.wait_ready(f"{FIRST + 3}.1")
    assert rater.votes() == [(FIRST, 2), (FIRST + 1, 4), (FIRST + 2, 5)]


def test_another_grade_for_the_last_picture_is_told_before_the_card_that_comes_next(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    last = len(rater.playlist()) - 1
    for trial in range(FIRST, last):
        rater.rate(4, trial)
    rater.wait_ready(f"{last}.1")
    second = Rater(rater.page.context.new_page(), rater.url, rater.study, 0)
    second.page.goto(f"{rater.url}/?r={rater.token}")
    second.wait_ready(f"{last}.1")
    rater.rate(2, last)
    rater.page.get_by_role("button", name="Finish").wait_for()
    second.rate(5, last)
    second.see("2 Poor is already stored")
    second.page.locator(".card .go").click()
    second.press_button("Undo the last rating")
    second.rate(5, last, 2)
    second.page.get_by_role("button", name="Finish").wait_for()
    assert rater.votes()[-1] == (last, 5)
    second.page.close()


@pytest.mark.parametrize("card", ["consent", "questionnaire", "display", "debrief", "paused"])
def test_everything_is_removed_from_every_card(own_server, own_study, new_page, card):
    rater = Rater(new_page(), own_server.url, own_study, 0)
    if card in ("debrief", "paused"):
        rater.resume_at_main()
        rater.rate(4, FIRST)
        rater.wait_ready(f"{FIRST + 1}.1")
        if card == "paused":
            own_study.store.set_state("paused")
            rater.page.reload()
            rater.see("paused at the moment")
        else:
            for trial in range(FIRST + 1, len(rater.playlist())):
                rater.rate(4, trial)
            rater.page.get_by_role("button", name="Finish").wait_for()
    else:
        rater.enter()
        steps = ["consent", "questionnaire", "display"]
        for step in steps[: steps.index(card)]:
            rater.press_button({"consent": "I have read this", "questionnaire": "Continue"}[step])
        headings = ["Image-quality study", "A few short questions", "Checking your screen"]
        rater.page.get_by_role("heading", name=headings[steps.index(card)]).wait_for()
    name = rater.session.rater
    rater.settle()  # the last card's button has gone
    rater.page.get_by_text("Remove my data").click()
    rater.press_button("Permanently remove all my ratings")
    rater.see("were removed")
    with own_study.store.read() as connection:
        for table in schema.metadata.sorted_tables:
            rows = connection.execute(table.select()).all()
            expected = {"meta", "invites", "tombstones"}
            assert (table.name in expected) == bool(rows), table.name
    with pytest.raises(StudyError, match="was erased on"):
        own_study.store.erase(name)
