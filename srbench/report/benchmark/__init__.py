"""The report of a run: tables, figures and report.html from a results folder."""
