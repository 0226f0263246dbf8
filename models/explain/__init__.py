"""Reasons in words, from the numbers of a judgement."""
