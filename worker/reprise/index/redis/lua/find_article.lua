-- Find the latest decision of an article.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 now_ms, record_ms (6 bytes each)   3 shard of the article   4 article field (8 bytes)
-- Returns  {the decision, its representative's record up to the article id, id of the story that the article belongs to
--          now}, each empty if there is none
-- Read only. A script, so that the record is read at the same time as the decision.

-- @include layout
-- @include stories

local prefix = ARGV[1]
local now_ms, record_ms = struct.unpack('>I6I6', ARGV[2])
local latest = redis.call('HGET', prefix .. 'a:' .. ARGV[3], ARGV[4]) or ''
if latest == '' or now_ms - u48(latest, LATEST.DECIDED) >= record_ms then return {'', '', ''} end
local key = record_key(prefix, u40(latest, LATEST.NUMBER))
local record = redis.call('GETRANGE', key, 0, RECORD_WITH_ID_BYTES - 1)
return {latest, record, root_id(prefix, string.sub(latest, LATEST.STORY_ID))}
