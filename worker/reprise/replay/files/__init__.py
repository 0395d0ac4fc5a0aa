"""Read articles from files: one module a kind of file, and a table that finds the kind.

    kinds.py         the table: suffixes, first bytes and reader of each kind
    listing.py       the files of the arguments and of their folders
    opening.py       files, standard input, and their decompression
    zstd_stream.py   decompression with zstd
    entries.py       the values that a reader yields
    json_values.py   JSON Lines and JSON arrays
    delimited.py     CSV and TSV
    parquet.py       Parquet
    warc.py          WARC and WET
    feeds.py         RSS and Atom
    html_pages.py    HTML pages
    page_head.py     address, title, language and time in the head of a page

Every value is a JSON object, as if a crawler had sent it: the settings REPRISE_INPUT_FORMAT and REPRISE_INPUT_FIELDS
apply to it.
"""
