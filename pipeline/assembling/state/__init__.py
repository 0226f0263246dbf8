"""What is stored of open sessions, and what it weighs in memory."""
