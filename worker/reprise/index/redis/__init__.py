"""The index in Redis: keys.py names what is stored, lua/ holds one atomic operation a file, index.py is the adapter."""
