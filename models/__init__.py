"""The core: what an agent usually does, how surprising an action is, and what that does to trust.

Nothing in here reads a file, a socket or a clock. Times come from events as integer
microseconds, state comes in as objects and goes out as bytes, and the same input gives the same
output bit for bit.
"""
