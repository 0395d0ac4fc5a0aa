"""Measure how well the decisions match the labels of a file, or the text that its articles share.

    labels.py              labelled articles, read from lines
    runs.py                decide the articles in one order of arrival
    scores.py              B-cubed and pairwise scores
    baseline.py            datasketch's MinHashLSH on the same articles
    error_analysis.py      the stories with the most errors, with examples
    report.py              the report as JSON and for a terminal
    shared_text.py         compare texts by the word runs that they share
    shared_text_scores.py  scores by shared text, for files without labels
    shared_text_report.py  their report as JSON and for a terminal
    story_merges.py        the merges of a run, and whether they are wrong
    report_parts.py        articles and shares, for both reports

This package opens no file and no connection. `reprise/commands/evaluate.py` does.
"""
