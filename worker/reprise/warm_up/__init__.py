"""Warm-up: learn the decisions of a previous index without publishing, then publish from the cutoff on."""
