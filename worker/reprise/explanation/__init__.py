"""Why two articles match or do not: what was kept of each, what they share, which threshold decided.

May live here: the analysis, pure, and its two views, a terminal's and an HTML page. The worker's own functions give
every figure that decides; what they do not tell (reasons, places in the text, exact values) is worked out beside them.
"""
