"""Lists of agents, anomalies and cases, and the cursors of their pages."""
