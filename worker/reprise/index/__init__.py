"""The index: recorded decisions and the representatives of each story.

decide.py   decides one article, given the content of an index about it; both indexes call it
state.py    that content in memory: the whole of MemoryIndex, and the changes of a batch in RedisIndex
memory.py   the index in the memory of one process: the reference of the tests
redis/      the index in Redis or Valkey, shared by any number of workers
"""
