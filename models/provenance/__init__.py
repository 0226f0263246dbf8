"""Content: values that nobody asked for, flows never seen, tools the request does not call for.

Reads the tool, the argument keys, where each identifier had stood before, and the request that
the session serves. What it keeps are keyed hashes and counts.
"""
