"""The speed of each wire format, beside native records of the same events and a bare decoder."""
