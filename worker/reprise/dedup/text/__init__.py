"""The text step: from the text of an article to its fingerprint. It is pure.

    text -> joined lines -> normalised code points -> tokens -> prose segments -> shingles -> MinHash rows and sketch

All functions work on numpy arrays of whole texts, never on one character or word at a time. The arrays of a page are
short (6,000 characters, 1,000 tokens), so the overhead of a numpy call is as large as its work. Therefore several texts
are concatenated and processed as one, array methods are preferred to numpy functions of the same name, and constants
are numpy numbers.

If the module _native is installed (worker/native, in Rust), it performs all these steps instead, with the same results.
"""
