"""The index in Redis or Valkey.

index.py           the adapter: implements the port Index
namespaces.py      prepares namespaces: creates or checks their indexes
pending_batch.py   a batch in flight: looks up, decides, commits
batch_decider.py   decides the articles of a batch, each with the changes of those before it
record_cache.py    the records of candidates
keys.py            every key, its type and its content
records.py         representatives as stored; sketch_codec.py packs their sketches
codec.py           arguments and replies of the scripts; decision_codec.py packs decisions, story_codec.py stories
lua/               the scripts: one atomic operation a file
scripts.py         loads the sources of the scripts
script_client.py   runs scripts on the server that holds a namespace
split_pipeline.py  sends commands now and receives their replies later
client.py          connects, and checks the server and the permissions
errors.py          translates errors of redis-py
inspect.py         reads an index for `reprise stats` and `reprise story`
"""
