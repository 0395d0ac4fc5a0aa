"""The index: recorded decisions and the representatives of each story.

decide.py   one article's decision, given what an index holds about it; both indexes call it
state.py    that content in memory: the whole of MemoryIndex, and the changes of a batch in RedisIndex
memory.py   the index of one process: the reference, for tests and for reading
redis/      the index in Redis or Valkey, shared by any number of workers
"""
