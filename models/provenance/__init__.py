"""Score the arguments of calls by their provenance: unrequested values, new flows, unusual tools.

The detector reads the tool, the keys of arguments, the origins of each identifier, and the request
that the session serves. It stores keyed hashes and counts only.
"""
