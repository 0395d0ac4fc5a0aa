-- Commit one decision: validate that the entries it depends on have not changed since the lookup, then record the decision
-- and index the article.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 now_ms and the times to live of buckets, records, and of KEYS[1] and what
--          revisions replaced (6 bytes each)
--          4 shard of the article   5 article field (8 bytes)   6 its latest decision as the lookup returned it (or none)
--          7 its new latest decision (none for a late crawl)
--          8 field of a superseded decision (16 bytes, or none)   9 the superseded decision
--          10 what this decision replaced (none unless a revision)   11 content hash (16)
--          12 shard of the text   13 number of the representative that covers it, as the lookup returned it (5 bytes, or none)
--          14 number of the representative that covers it now (5 bytes) and now_ms (6)
--          15 matched representative, or none: number (5 bytes), id of the story that it was recorded for (16), and the root
--             of that story (21)
--          16 shards of its bands (4 bytes each) if their times to live are due for renewal, else none
--          17 merges of this decision: id of the younger story (16), number and id of the older one (21)
--          18 number of the new representative (0: none)   19 its record
--          20 shards of the article's bands (4 bytes each; none if it neither becomes a representative nor shows a merge)
--          21 fragments of its rows (3 each)
--          22 a character for each band: '1' if the new representative enters the bucket
--          23 numbers in the buckets, as the lookup returned them (5 bytes each, as in entries)
--          24 numbers of representatives of the same batch in the buckets (5 bytes each)
--          25 the stories of all entries that were not merged, as the lookup returned them (33)
--          26 the merged ones: id and id of the root (16 each)
--          27 article field and the first 8 bytes of the content hash   28 the merges as a replay returns them
--          29 shard of the known pages of the text   30 their field (none if the page cannot show a notice)
--          31 the known pages, as the lookup returned them (or none)   32 the known pages from now on
--          33 articles whose stories are doubted from now on: shard (4 bytes), field (8), representative (5)
--          34 shard of the superseded decision   35 shard of the article with this content in `v` and `p`
-- Returns  1 if the decision is committed; 0 if an entry has changed, so that the article must be looked up and decided again
-- Atomic because two workers may process two copies of a new story at the same time: one must be a variant of the other.
-- Idempotent: a second run after a lost reply finds its own decision and changes nothing.

-- @include layout
-- @include buckets
-- @include stories

-- While the slot is moved key by key, the server rejects access to every missing key. This key is always missing, so the
-- script fails here, before any write. Without it, the script could fail later and leave half of a decision.
redis.call('EXISTS', ARGV[2] .. 'none')

local id = redis.call('HGET', KEYS[1], 'id')
if id ~= ARGV[1] then return redis.error_reply('INDEXLOST ' .. (id or 'none')) end

local prefix = ARGV[2]
local now_ms, bucket_ttl_ms, record_ttl_ms, longest_ttl_ms = struct.unpack('>I6I6I6I6', ARGV[3])
local articles, versions = prefix .. 'a:' .. ARGV[4], prefix .. 'v:' .. ARGV[34]
local article, is_late = ARGV[5], ARGV[7] == ''
local content, texts = ARGV[11], prefix .. 't:' .. ARGV[12]
local text_field = string.sub(content, 1, 8)
local number = tonumber(ARGV[18])

-- Validate the lookup ----------------------------------------------------------------------------------------------------

local latest = redis.call('HGET', articles, article) or ''
if is_late then
  if redis.call('HGET', versions, ARGV[8]) == ARGV[9] then return 1 end
elseif latest == ARGV[7] then
  -- Another worker may have committed an equal decision that replaced another one or shows other merges. Then the article is
  -- looked up again, and its recorded decision is returned.
  local replaced = redis.call('HGET', prefix .. 'p:' .. ARGV[35], article .. text_field) or ''
  local merges = redis.call('GET', prefix .. 'e:' .. ARGV[27]) or ''
  return replaced == ARGV[10] and merges == ARGV[28] and 1 or 0
end
if latest ~= ARGV[6] then return 0 end

local text = redis.call('HGET', texts, text_field) or ''
if string.sub(text, 1, TEXT.NUMBER_BYTES) ~= ARGV[13] then return 0 end

local pages = prefix .. 'w:' .. ARGV[29]
if ARGV[30] ~= '' then
  local known = redis.call('HGET', pages, ARGV[30]) or ''
  if string.sub(known, PAGES.FIRST) ~= string.sub(ARGV[31], PAGES.FIRST) then return 0 end
end

local match, match_founder, match_story, match_root, last_seen_ms
if ARGV[15] ~= '' then
  match = record_key(prefix, u40(ARGV[15], 1))
  local head = redis.call('GETRANGE', match, 0, RECORD.STORY_NUMBER + 3)
  if head == '' then return 0 end
  last_seen_ms = u48(head, RECORD.LAST_SEEN)
  match_founder = record_key(prefix, u40(head, RECORD.STORY_NUMBER))
  match_story, match_root = string.sub(ARGV[15], 6, 21), string.sub(ARGV[15], 22)
  if root_id(prefix, match_story) ~= string.sub(match_root, STORY.ID) then return 0 end
end

-- A story that was merged since the lookup changes the decision: the article may belong to another story.
local unmerged = {}
for at = RECORDED_STORY.ID, #ARGV[25], RECORDED_STORY.BYTES do
  unmerged[#unmerged + 1] = merged_key(prefix, string.sub(ARGV[25], at, at + 15))
end
for first = 1, #unmerged, 1000 do
  if redis.call('EXISTS', unpack(unmerged, first, math.min(first + 999, #unmerged))) > 0 then return 0 end
end
local roots = {}
for at = 1, #ARGV[26], 32 do
  if root_id(prefix, string.sub(ARGV[26], at, at + 15), roots) ~= string.sub(ARGV[26], at + 16, at + 31) then return 0 end
end

for at = 1, #ARGV[24], 5 do
  if redis.call('EXISTS', record_key(prefix, u40(ARGV[24], at))) == 0 then return 0 end
end

local shards, names = {}, {}
if ARGV[20] ~= '' then
  local known, is_known = {}, true
  for at = 1, #ARGV[23], 5 do known[string.sub(ARGV[23], at, at + 4)] = true end
  shards, names = read_shards(prefix, ARGV[20])
  for band, shard in ipairs(shards) do
    if shard then
      each_entry(shard, fragment_of(ARGV[21], band), function(packed) is_known = is_known and known[packed] end)
    end
  end
  if not is_known then return 0 end
end

-- Record the decision and the article ------------------------------------------------------------------------------------

local function put(key, field, value, ttl_ms)
  redis.call('HSET', key, field, value)
  redis.call('PEXPIRE', key, ttl_ms)
end

if match then
  -- A match renews the times to live of the record and of its buckets. Workers' clocks differ, so last_seen_ms never decreases.
  if now_ms > last_seen_ms then redis.call('SETRANGE', match, RECORD.LAST_SEEN - 1, struct.pack('>I6', now_ms)) end
  redis.call('PEXPIRE', match, record_ttl_ms)
  -- Later articles are compared with the founder, so it must outlive the other representatives of its story.
  if match_founder ~= match then redis.call('PEXPIRE', match_founder, record_ttl_ms) end
  -- If the story was merged, a new representative of it has the founder of the root.
  local root_founder = record_key(prefix, u40(match_root, 1))
  if root_founder ~= match_founder then redis.call('PEXPIRE', root_founder, record_ttl_ms) end
  if ARGV[16] ~= '' then
    redis.call('SETRANGE', match, RECORD.RENEWED - 1, struct.pack('>I6', now_ms))
    local bands = #ARGV[16] / 4
    local renewed = {struct.unpack('>' .. string.rep('I4', bands), ARGV[16])}
    for band = 1, bands do redis.call('PEXPIRE', bucket_key(prefix, band, renewed[band]), bucket_ttl_ms) end
  end
  -- The entry of a merged story must outlive the records of that story. Written anew, it leads to the root in one step.
  if match_story ~= string.sub(match_root, STORY.ID) then
    redis.call('SET', merged_key(prefix, match_story), match_root, 'PX', record_ttl_ms)
  end
end

for at = 1, #ARGV[17], 16 + STORY.BYTES do
  local story, into = string.sub(ARGV[17], at, at + 15), string.sub(ARGV[17], at + 16, at + 15 + STORY.BYTES)
  into = root_of(prefix, string.sub(into, STORY.ID)) or into
  -- A merge that a previous index decided may have been learned already.
  if string.sub(into, STORY.ID) ~= story and redis.call('EXISTS', merged_key(prefix, story)) == 0 then
    redis.call('SET', merged_key(prefix, story), into, 'PX', record_ttl_ms)
  end
  redis.call('PEXPIRE', record_key(prefix, u40(into, 1)), record_ttl_ms)
end
if ARGV[28] ~= '' then redis.call('SET', prefix .. 'e:' .. ARGV[27], ARGV[28], 'PX', longest_ttl_ms) end

if number > 0 then
  redis.call('SET', record_key(prefix, number), ARGV[19], 'PX', record_ttl_ms)
  redis.call('PEXPIRE', record_key(prefix, u40(ARGV[19], RECORD.STORY_NUMBER)), record_ttl_ms)
  -- An expired article that is crawled again founds its story again. If that story was merged, the entry must outlive the
  -- new record.
  redis.call('PEXPIRE', merged_key(prefix, string.sub(ARGV[19], RECORD.STORY_ID, RECORD.STORY_ID + 15)), record_ttl_ms)
  redis.call('HINCRBY', KEYS[1], 'added', 1)
  local packed = struct.pack('>I5', 2 * number + 1)
  for band, name in ipairs(names) do
    if string.sub(ARGV[22], band, band) == '1' then
      local entry, shard = fragment_of(ARGV[21], band) .. packed, shards[band] or ''
      local used = used_bytes(shard)
      if used < #shard then
        redis.call('SETRANGE', name, used, entry)
        redis.call('PEXPIRE', name, bucket_ttl_ms)
      else
        redis.call('SET', name, padded(shard .. entry), 'PX', bucket_ttl_ms)
      end
    end
  end
end

-- The texts of an id are spread over all shards. Even so, an id of millions of texts (a home page, "undefined") must not
-- make hashes that take Redis seconds to sweep: in full hashes further versions are not recorded, and are decided again if
-- they are replayed.
local MAX_FIELDS = 1500
local function put_bounded(key, field, value, ttl_ms)
  if redis.call('HLEN', key) < MAX_FIELDS then put(key, field, value, ttl_ms) end
end

put(texts, text_field, ARGV[14], bucket_ttl_ms)
if ARGV[30] ~= '' then put(pages, ARGV[30], ARGV[32], bucket_ttl_ms) end
for at = 1, #ARGV[33], 17 do
  local shard, doubted = struct.unpack('>I4c8', string.sub(ARGV[33], at, at + 11))
  local key = prefix .. 'a:' .. string.format('%d', shard)
  local founded = redis.call('HGET', key, doubted) or ''
  if string.sub(founded, LATEST.CODE, LATEST.CODE) == 'N'
    and string.sub(founded, LATEST.NUMBER, LATEST.NUMBER + 4) == string.sub(ARGV[33], at + 12, at + 16) then
    redis.call('HSET', key, doubted, string.sub(founded, 1, LATEST.CODE - 1) .. 'D' .. string.sub(founded, LATEST.CODE + 1))
  end
end
if ARGV[10] ~= '' then put_bounded(prefix .. 'p:' .. ARGV[35], article .. text_field, ARGV[10], longest_ttl_ms) end
if ARGV[8] ~= '' then
  put_bounded(versions, ARGV[8], ARGV[9], record_ttl_ms)
  -- a replay of the superseded decision needs the record of its representative, so that must not expire earlier
  redis.call('PEXPIRE', record_key(prefix, u40(ARGV[9], VERSION.NUMBER)), record_ttl_ms)
end
if not is_late then put(articles, article, ARGV[7], record_ttl_ms) end
redis.call('PEXPIRE', KEYS[1], longest_ttl_ms)
return 1
