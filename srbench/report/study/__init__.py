"""The report of a rating study: tables, figures and analysis.html from ratings."""
