"""How messages pass: stdio, and streamable HTTP."""
