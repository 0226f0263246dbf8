"""Lists of agents and anomalies, and the cursors of their pages."""
