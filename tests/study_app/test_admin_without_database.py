"""The researcher's page while the database does not answer."""

from __future__ import annotations

import pytest

from srbench.study.keys import PASSWORD_VARIABLE
from srbench.study.store import open_study


def page(study) -> None:
    from study_app.admin import admin_page

    admin_page(study)


def test_a_database_that_goes_away_and_comes_back(folder, monkeypatch, capsys):
    testing = pytest.importorskip("streamlit.testing.v1", reason="needs streamlit")
    monkeypatch.setenv(PASSWORD_VARIABLE, "hash")
    study = open_study(folder)
    app = testing.AppTest.from_function(page, default_timeout=60, args=(study,))
    app.session_state["admin"] = "hash"
    app.run()
    parts = [each.value for each in app.subheader]
    assert parts[-1] == "Export"
    file = folder / "study.db"
    file.rename(folder / "away")
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "it is not there" in error.value
    assert [line for line in capsys.readouterr().err.splitlines() if "Traceback" in line] == []
    (folder / "away").rename(file)
    app.run()
    assert not app.error
    assert [each.value for each in app.subheader] == parts
    study.store.close()
