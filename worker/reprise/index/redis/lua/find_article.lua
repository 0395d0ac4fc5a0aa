-- Find what was decided last of an article.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 now_ms   3 article field (8 bytes)
-- Returns  {code, decided_ms, story id as it was decided, story id now, matched article id}; nil where nothing is on record.
--          The last two are empty where the representative is gone.
-- Read only. One script so that the representative is that of the decision.

local settings = cjson.decode(ARGV[1])
local prefix, shards, rule = settings.prefix, settings.shards, settings.rule
local now_ms = tonumber(ARGV[2])

-- @include keys
-- @include records
-- @include decisions

local known = known_article({field = ARGV[3]})
if not known then return nil end
local r = read_record(known.number)
return {known.code, known.decided_ms, known.story_id, r and r.story_id or '', r and r.article_id or ''}
