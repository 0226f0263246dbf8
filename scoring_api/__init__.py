"""The HTTP API of Habitus for policy decision points, analysts and operators.

Three promises hold for every answer. Reads never recompute from history and never write. An unknown
agent, a learning agent, a late pipeline and an unavailable service are four different answers.
Errors never repeat the caller's input.
"""
