"""Environment variables of the tap and of the recorder, which are no settings."""

from __future__ import annotations

API_TOKEN = "HABITUS_TOKEN"  # noqa: S105  # the name of a variable
"""Key or token for the API of ``--api``."""
ENFORCE_TOKEN = "HABITUS_ENFORCE_TOKEN"  # noqa: S105  # as above
"""Key or token for the decision point of ``--enforce``."""
RECORD_TO = "HABITUS_RECORD_TO"
"""Where a recorder sends events."""
