"""Helpers that several commands share: options, progress, signals, input files and outputs."""
