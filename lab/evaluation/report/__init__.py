"""The report of an evaluation: tables in the terminal, charts, and a page."""
