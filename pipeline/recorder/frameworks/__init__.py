"""What frameworks report by themselves: OpenTelemetry and CrewAI."""
