"""How well the decisions fit known stories: labelled articles, scores, datasketch's own LSH beside them, mistakes.

May live here: what turns labels and decisions into figures and examples. Not: files, servers, the terminal's options
(reprise/commands/evaluate.py).
"""
