"""Habitus over HTTP: what a policy decision point, an analyst and an operator may ask.

Three promises hold for every answer: reading never computes from history and never writes; an
agent nobody knows, one still learning, a late pipeline and an unavailable service are four
different answers; and no error repeats what the caller sent.
"""
