"""No access to votes, exports or the researcher's page without the code or the password."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from srbench.study.keys import CODES_FILE, KEY_FILE, check_password, hash_password


@pytest.mark.parametrize(
    "path",
    [
        "manifest.json",
        KEY_FILE,
        CODES_FILE,
        "study.db",
        "../manifest.json",
        "app/static/../../manifest.json",
        "media/../manifest.json",
        "media/%2e%2e/manifest.json",
        "media/..%2f..%2fstudy.db",
        "component/srbench/../../../manifest.json",
        "_stcore/%2e%2e/secret.key",
        "stimuli/",
    ],
)
def test_no_address_serves_a_file_of_the_study(server, path):
    secrets = [
        (server.folder / name).read_bytes()[:200]
        for name in (KEY_FILE, CODES_FILE, "manifest.json")
    ]
    try:
        with urllib.request.urlopen(f"{server.url}/{path}", timeout=60) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    assert b"fingerprint" not in body
    assert not any(secret in body for secret in secrets)
    assert b"SQLite format" not in body


def test_a_stimulus_is_not_served_to_who_does_not_rate_it(server):
    for file in (server.folder / "stimuli").iterdir():
        for path in (f"stimuli/{file.name}", f"media/{file.name}", f"app/static/{file.name}"):
            try:
                with urllib.request.urlopen(f"{server.url}/{path}", timeout=60) as answer:
                    assert not answer.read().startswith(b"\x89PNG")
            except urllib.error.HTTPError:
                pass


def test_a_password_is_stored_as_a_salted_hash_and_nothing_else_opens():
    stored = hash_password("parol 한국")
    assert check_password("parol 한국", stored)
    assert "parol" not in stored
    assert stored != hash_password("parol 한국")
    for wrong, given in (
        ("parol", stored),
        ("", stored),
        ("x", ""),
        ("x", "scrypt:zz:zz"),
        ("", ""),
    ):
        assert not check_password(wrong, given)


class TestInTheBrowser:
    """What a visitor without rights sees."""

    @pytest.fixture(autouse=True)
    def _browser(self):
        pytest.importorskip("playwright", reason="needs playwright")

    def test_a_wrong_code_and_a_wrong_link_stop_at_the_door(self, server, new_page):
        page = new_page()
        page.goto(f"{server.url}/?r=guess")
        page.get_by_text("not valid").wait_for()
        page.get_by_label("Access code").fill("<b>AAAA</b>")
        page.get_by_role("button", name="Enter").click()
        page.get_by_text("not known").wait_for()
        assert page.locator(".stage").count() == 0

    def test_tampered_messages_store_nothing_and_the_picture_is_rated_again(self, new_rater):
        from driver import FIRST

        other = new_rater()
        other.resume_at_main()
        rater = new_rater()
        rater.resume_at_main()
        mine = rater.playlist()[FIRST].stimulus
        theirs = next(t for t in other.playlist()[FIRST:] if t.stimulus != mine)
        changes = [
            "m.score = 6",
            "m.score = 'no'",
            "m.trial = 9",
            "m.stimulus = 'x'.repeat(1e6)",
            f"m.stimulus = '{theirs.stimulus}'",  # the trial of another session
            f"m.session = '{other.session.nonce}'",
            "delete m.session",
            "m.session = null",
            "m.trial = 1e30",
            f"m.session = '{other.session.nonce}'; m.stimulus = '{theirs.stimulus}'",
            "m.unknown = 1",
            "m.natural_width = 1",
            "m.response_ms = -1",
        ]
        # The message is changed on its way out of the page.
        rater.page.evaluate(
            """() => {
              const find = root => root.querySelector('.stage') ??
                [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot))
                  .find(Boolean);
              window.tamper = [];
              window.sent = 0;
              const stringify = JSON.stringify;
              JSON.stringify = (value, ...rest) => {
                for (const v of [].concat(value))
                  if (v?.event === 'vote' && window.tamper.length) {
                    const m = v.value;
                    v.value = {...m};
                    new Function('m', window.tamper.shift())(v.value);
                    window.sent += 1;
                  }
                return stringify(value, ...rest);
              };
            }"""
        )
        for change in changes:
            rater.wait_ready(f"{FIRST}.1")
            rater.page.evaluate("change => window.tamper = [change]", change)
            rater.page.keyboard.press("3")
            rater.page.get_by_text("could not be stored").wait_for()
            assert rater.votes() == other.votes() == []
        assert rater.page.evaluate("window.sent") == len(changes)
        rater.rate(4, FIRST)
        rater.wait_ready(f"{FIRST + 1}.1")
        assert rater.votes() == [(FIRST, 4)]
