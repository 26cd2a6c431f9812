"""The table of raters: questionnaire answers and display check, one row per rater."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sqlalchemy import select

from ..csv_cells import guard
from ..files import write_text
from .schema import sessions, steps
from .store import Store

COLUMNS = (
    "rater", "simulated", "began_at", "consented_at", "consent_language", "finished_at",
)  # fmt: skip
SCREEN = ("pixel_ratio", "window_width", "window_height", "screen_width", "screen_height")


def answers_csv(store: Store) -> str:
    """The table as CSV text with LF line ends, raters in the order of their first visit.

    Columns: `COLUMNS` (when and in which language the rater agreed to the manifest's consent text),
    `SCREEN` (from the display check), then one per question, named by its id; a missing answer is
    empty. Text is guarded against spreadsheets' formulas (`srbench.csv_cells`).
    """
    questions = [question.id for question in store.manifest.questionnaire]
    with store.read() as connection:
        raters = connection.execute(
            select(sessions).where(sessions.c.imported.is_(False)).order_by(sessions.c.id)
        ).all()
        done = {
            (row.session_id, row.step): row
            for row in connection.execute(
                select(steps).where(steps.c.step.in_(("consent", "questionnaire", "display")))
            )
        }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *SCREEN, *questions])
    for rater in raters:
        consent, *rest = (done.get((rater.id, s)) for s in ("consent", "display", "questionnaire"))
        screen, answers = ((step.answers if step else None) or {} for step in rest)
        agreed = (
            (consent.done_at, (consent.answers or {}).get("language")) if consent else (None,) * 2
        )
        simulated = "true" if rater.simulated else "false"
        writer.writerow(
            [
                *(guard(rater.rater), simulated, rater.created_at, *agreed, rater.finished_at),
                *(screen.get(name) for name in SCREEN),
                *(guard(str(answers.get(name, ""))) for name in questions),
            ]
        )
    return out.getvalue()


def export_answers(store: Store, file: Path) -> int:
    """Write the table of `answers_csv` and return its number of raters."""
    text = answers_csv(store)
    write_text(file, text)
    return sum(1 for _ in csv.reader(io.StringIO(text))) - 1
