"""The behaviour of one agent and of one session, and the judge over both."""
