-- Find the representatives of a story and of the stories merged into it, within the window, among a range of numbers.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms (6 bytes each)   3 story id (16 bytes)   4 the first number   5 the last
-- Returns  number, record up to the article id, number, record, ...
-- Read only. One step of a scan of all numbers: no key lists the representatives of a story, because no decision needs it.

-- @include layout
-- @include stories

local prefix = ARGV[1]
local now_ms, window_ms = struct.unpack('>I6I6', ARGV[2])
local found, roots = {}, {}

local function root(story)
  if not roots[story] then roots[story] = root_id(prefix, story) end
  return roots[story]
end

for number = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  local key = record_key(prefix, number)
  -- read the story id alone first: the record up to the article id is twenty times as large
  local story = redis.call('GETRANGE', key, RECORD.STORY_ID - 1, RECORD.STORY_ID + 14)
  if story ~= '' and root(story) == ARGV[3] then
    local record = redis.call('GETRANGE', key, 0, RECORD_WITH_ID_BYTES - 1)
    if now_ms - u48(record, RECORD.LAST_SEEN) < window_ms then
      found[#found + 1] = number
      found[#found + 1] = record
    end
  end
end
return found
