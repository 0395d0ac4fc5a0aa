"""Text to signature, pure: no client, clock, environment or log below this package.

    text -> unwrapped, normalised code points -> tokens -> kept segments -> shingles -> MinHash rows and sketch

Everything works on whole arrays, never on one character or word at a time. A page's arrays are short, 6,000 characters
and 1,000 tokens, so that a call of numpy costs as much as its work: several pages are laid end to end and go through
as one text, methods are called where they are quicker than the functions of the same name, and constants are numpy's
own numbers.
"""
