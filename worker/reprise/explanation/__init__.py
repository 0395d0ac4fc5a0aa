"""`reprise explain`: why two articles match or do not match.

The analysis is pure. It uses the worker's own functions for every value of the decision, and adds reasons, positions in
the text and exact values. Two reports show it: one for terminals and one as an HTML page.
"""
