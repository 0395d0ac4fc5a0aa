-- The offsets in packed values and the keys of an index, as reprise/index/redis/keys.py lists them.
-- Offsets count from 1, as string.sub and struct.unpack do. Integers are unsigned and big-endian.

-- A representative's record, `r:NUMBER`: see reprise/index/redis/records.py.
local RECORD = {LAST_SEEN = 1, STORY_NUMBER = 7, STORY_ID = 24, RENEWED = 40, HEAD_BYTES = 47}
-- Bytes of a head with the longest article id: a replay needs no more of the record.
local RECORD_WITH_ID_BYTES = RECORD.HEAD_BYTES + 256

-- The latest decision of an article id, in `a`; a superseded decision, in `v`.
local LATEST = {CONTENT = 7, CODE = 23, DECIDED = 28, NUMBER = 34, STORY_ID = 39}
local VERSION = {SUPERSEDED = 1, NUMBER = 18, STORY_ID = 23}

-- A story in `m`, and as a root in replies and arguments: number (5 bytes) and id (16).
local STORY = {ID = 6, BYTES = 21}

-- The story of a record, as lookup returns it and commit gets it back: the part of the record from the story number to the
-- story id. One substring is cheaper than two.
local RECORDED_STORY = {ID = 18, BYTES = 33}

-- The representative that covers a text, in `t`.
local TEXT = {NUMBER = 1, SEEN = 6, NUMBER_BYTES = 5}

-- The known pages of a text, in `w`: the time of the latest, then pages that begin with the number of a representative.
local PAGES = {SEEN = 1, FIRST = 7, BYTES = 19}

-- An entry of a bucket: three bytes of the row, then the representative's number, doubled plus one. So the last byte of an
-- entry is never 0, and a shard may end in zeros.
local ENTRY = {FRAGMENT_BYTES = 3, BYTES = 8}

local function u48(packed, at)
  return (struct.unpack('>I6', packed, at))
end

local function u40(packed, at)
  return (struct.unpack('>I5', packed, at))
end

local function record_key(prefix, number)
  return prefix .. 'r:' .. string.format('%d', number)
end

local function bucket_key(prefix, band, shard)
  return prefix .. 'b:' .. (band - 1) .. ':' .. shard
end
