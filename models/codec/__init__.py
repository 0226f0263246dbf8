"""Bytes of stored state: compact values, packed bits, and one text for equal JSON."""
