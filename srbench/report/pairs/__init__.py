"""The report of a study of pair comparisons: tables, figures and analysis.html from answers."""
