-- Find the decision of a previous index on an article, and the story that its text belongs to there.
--
-- KEYS[1]  the previous index's {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms, record_ms, replay_ms (6 bytes each)   3 shard of the article   4 article field
--          5 shard of the text   6 content hash (16)   7 '1' if the previous index hashes texts in another way: then the
--          latest decision of the article is returned, even if its content hash differs
-- Returns  {latest decision, superseded decision, what it replaced, story id}, each empty if there is none. At most one
--          of the first two is returned.
-- Read only. Reads every layout: the head of a record has not changed.

-- @include layout

local prefix = ARGV[1]
local now_ms, window_ms, record_ms, replay_ms = struct.unpack('>I6I6I6I6', ARGV[2])
local article, content = ARGV[4], ARGV[6]
local text_field = string.sub(content, 1, 8)

local function story_of(number)
  return redis.call('GETRANGE', record_key(prefix, number), RECORD.STORY_ID - 1, RECORD.STORY_ID + 14)
end

local latest = redis.call('HGET', prefix .. 'a:' .. ARGV[3], article) or ''
if latest ~= '' and now_ms - u48(latest, LATEST.DECIDED) >= record_ms then latest = '' end
local superseded = ''
if latest == '' or (ARGV[7] ~= '1' and string.sub(latest, LATEST.CONTENT, LATEST.CONTENT + 15) ~= content) then
  latest = ''
  if ARGV[7] ~= '1' then
    superseded = redis.call('HGET', prefix .. 'v:' .. ARGV[3], article .. text_field) or ''
    if superseded ~= '' and now_ms - u48(superseded, VERSION.SUPERSEDED) >= replay_ms then superseded = '' end
  end
end
local replaced = ''
if latest ~= '' or superseded ~= '' then
  replaced = redis.call('HGET', prefix .. 'p:' .. ARGV[3], article .. text_field) or ''
end
local story = ''
local text = redis.call('HGET', prefix .. 't:' .. ARGV[5], text_field) or ''
if text ~= '' and now_ms - u48(text, TEXT.SEEN) < window_ms then story = story_of(u40(text, TEXT.NUMBER)) end
return {latest, superseded, replaced, story}
