-- Find the decision of a previous index on an article, and the story that its text belongs to there.
--
-- KEYS[1]  the previous index's {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms, record_ms, replay_ms (6 bytes each)   3 shard of the article   4 article field
--          5 shard of the text   6 content hash (16)   7 '1' if the previous index hashes texts in another way: then the
--          latest decision of the article is returned, even if its content hash differs
--          8 shard of the article with this content in `v` and `p`   9 number of shards; 0 if an article's versions are
--          all in the shard of the article
-- Returns  {latest decision, superseded decision, what it replaced, merges of the decision, story id}, each empty if there
--          is none. At most one of the first two is returned. The story is that of the text, else that of the decision,
--          or the one into which it was merged.
-- Read only. Reads every layout: the head of a record has not changed, and the first layout knows no merges.

-- @include layout
-- @include stories

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
    superseded = redis.call('HGET', prefix .. 'v:' .. ARGV[8], article .. text_field) or ''
    if superseded ~= '' and now_ms - u48(superseded, VERSION.SUPERSEDED) >= replay_ms then superseded = '' end
  end
end
local replaced, merges = '', ''
if latest ~= '' or superseded ~= '' then
  -- the content hash as the previous index computed it
  local field = article .. (latest == '' and text_field or string.sub(latest, LATEST.CONTENT, LATEST.CONTENT + 7))
  local shard, shards = ARGV[8], tonumber(ARGV[9])
  if shards > 0 then
    shard = string.format('%d', (struct.unpack('>I4', field) + struct.unpack('>I4', string.sub(field, 9))) % shards)
  end
  replaced = redis.call('HGET', prefix .. 'p:' .. shard, field) or ''
  merges = redis.call('GET', prefix .. 'e:' .. field) or ''
end
local story = ''
if latest ~= '' then story = string.sub(latest, LATEST.STORY_ID) end
if superseded ~= '' then story = string.sub(superseded, VERSION.STORY_ID) end
local text = redis.call('HGET', prefix .. 't:' .. ARGV[5], text_field) or ''
if text ~= '' and now_ms - u48(text, TEXT.SEEN) < window_ms then
  local text_story = story_of(u40(text, TEXT.NUMBER))
  if text_story ~= '' then story = text_story end
end
if story ~= '' then story = root_id(prefix, story) end
return {latest, superseded, replaced, merges, story}
