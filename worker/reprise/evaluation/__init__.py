"""Measure how well the decisions match a labelled file.

    labels.py          labelled articles, read from lines
    runs.py            decide the articles in one order of arrival
    scores.py          B-cubed and pairwise scores
    baseline.py        datasketch's MinHashLSH on the same articles
    error_analysis.py  the stories with the most errors, with examples
    report.py          the report as JSON and for a terminal

This package opens no file and no connection. `reprise/commands/evaluate.py` does.
"""
