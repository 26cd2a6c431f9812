"""Code shared by the reports: style, tables and figures as data, and their output."""
