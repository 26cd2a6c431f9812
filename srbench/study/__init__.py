"""Rating studies: their design, playlists, votes and database.

This package has no screens; the Streamlit app in study_app uses it.
"""

from typing import TYPE_CHECKING, Any

from .answers import export_answers
from .decisions import Decision, decide, export_decisions
from .doubts import Doubt, doubtful_votes
from .importing import ImportedVotes, import_ratings
from .planning import Design, planned_power, power, power_table, raters_needed
from .ratings import export_ratings
from .simulate import SimulatedRater, enlist, simulate
from .status import Status, study_status
from .store import Store, Study, open_study

if TYPE_CHECKING:
    from .making import NewStudy, new_study

__all__ = [
    "Decision",
    "Design",
    "Doubt",
    "ImportedVotes",
    "NewStudy",
    "SimulatedRater",
    "Status",
    "Store",
    "Study",
    "decide",
    "doubtful_votes",
    "enlist",
    "export_answers",
    "export_decisions",
    "export_ratings",
    "import_ratings",
    "new_study",
    "open_study",
    "planned_power",
    "power",
    "power_table",
    "raters_needed",
    "simulate",
    "study_status",
]


def __getattr__(name: str) -> Any:
    # Loaded at first use: making a study imports Pillow, which running one does not need.
    if name in ("NewStudy", "new_study"):
        from . import making

        return getattr(making, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
