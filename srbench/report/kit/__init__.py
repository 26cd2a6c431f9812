"""What both reports share: one look, tables and figures as data, and how they are written."""
