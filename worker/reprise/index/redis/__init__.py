"""The index in Redis or Valkey.

index.py           the adapter: implements the port Index
keys.py            every key, its type and its content
records.py         representatives as stored
codec.py           arguments and replies of the scripts
lua/               the scripts: one atomic operation a file
scripts.py         loads the scripts
client.py          connects, and checks the server and the permissions
errors.py          translates errors of redis-py
split_pipeline.py  sends commands now and receives their replies later
inspect.py         reads an index for `reprise stats` and `reprise story`
"""
