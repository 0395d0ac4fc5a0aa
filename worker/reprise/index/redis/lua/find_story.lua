-- Find a story's representatives within the window, among a range of numbers.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms (6 bytes each)   3 story id (16 bytes)   4 the first number   5 the last
-- Returns  number, record up to the article id, number, record, ...
-- Read only. One step of a walk over all numbers: no key leads from a story to its records, since no decision needs one.
-- A record that moves to the story behind the walk is missed.

-- @include layout

local prefix = ARGV[1]
local now_ms, window_ms = struct.unpack('>I6I6', ARGV[2])
local found = {}
for number = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  local key = record_key(prefix, number)
  -- the story id alone first: a record is twenty times as large
  if redis.call('GETRANGE', key, RECORD.STORY_ID - 1, RECORD.STORY_ID + 14) == ARGV[3] then
    local record = redis.call('GETRANGE', key, 0, RECORD_WITH_ID_BYTES - 1)
    if now_ms - u48(record, RECORD.LAST_SEEN) < window_ms then
      found[#found + 1] = number
      found[#found + 1] = record
    end
  end
end
return found
