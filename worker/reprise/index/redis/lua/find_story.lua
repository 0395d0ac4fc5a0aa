-- Find a story's living representatives among some numbers.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 now_ms   3 story id (16 bytes)   4 the first number   5 the last
-- Returns  {{number, story number, article id, source (8 bytes), size, seen_ms}, ...}
-- Read only. One step of a walk over all numbers, because no key leads from a story to its records: a decision asks for
-- none, and would pay for it. A record that moves to the story behind the walk's back is missed.

local settings = cjson.decode(ARGV[1])
local prefix, shards, rule = settings.prefix, settings.shards, settings.rule
local now_ms, story_id = tonumber(ARGV[2]), ARGV[3]

-- @include keys
-- @include records

local found = {}
for number = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  -- the story id alone: a record is twenty times as large
  if redis.call('GETRANGE', record_key(number), 23, 38) == story_id then
    local r = read_record(number)
    if now_ms - r.seen_ms < settings.window_ms then
      found[#found + 1] = {number, r.story, r.article_id, r.source, r.size, r.seen_ms}
    end
  end
end
return found
