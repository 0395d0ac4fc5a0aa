"""A soak: several windows of steady load, and whether Redis's memory is a flat line and goes when the load ends.

form.py       rate, window, how many windows      watching.py   the run: worker, generator, looks
results.py    what is kept, and the verdict       picture.py    the SVG
"""
