"""The worker's loop: poll, decode, decide, publish, commit.

Start with pipeline.py, the loop itself. ports.py declares the adapters that it calls; processor.py holds the pure steps
between them.
"""
