"""Commands about identity providers."""
