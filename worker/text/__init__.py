"""Text to signature, pure: no client, clock, environment or log below this package.

    text -> unwrapped, normalised code points -> tokens -> kept segments -> shingles -> MinHash rows and sketch

Everything after the normalisation works on whole arrays, never on one character or word at a time: a page of 5,000
characters costs some forty numpy calls.
"""
