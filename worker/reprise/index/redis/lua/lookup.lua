-- Look up an article: its recorded decision, else the representative of the same text, else the representatives in its
-- buckets.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 now_ms, window_ms, record_ms, replay_ms (6 bytes each)
--          4 shard of the article   5 article field (8 bytes)   6 shard of the text   7 content hash (16)
--          8 shards of its bands (4 bytes each, or none)   9 fragments of its rows (3 bytes each, or none)
--          10 shard of the known pages of its text   11 their field (8 bytes, or none if the page cannot show a notice)
--          12 shard of the article with this content in `v` and `p`
-- Returns  {latest decision, superseded decision (of any age), what that replaced, merges of the recorded decision, text, record,
--          members, heads, stories, merged stories, known pages}, each empty if there is none. Members: band (1 byte) and number (5) for
--          each entry of a bucket. Heads: number (5), last_seen_ms (6) and story number (5) for each member whose record
--          exists, and for the representatives of known pages and of the latest decision. A recorded decision comes with the head of
--          its representative's record and nothing after it; a text with the whole record. Stories: the part of the record from the story number to the story id (33 bytes; zeros
--          before the id for that of the latest decision), of each story of these entries that was not merged; merged
--          stories: the same, and number and id of the root (21).
-- Read only, so that it may run on a replica. A script, so that all values are read at the same time.

-- @include layout
-- @include buckets
-- @include stories

local id = redis.call('HGET', KEYS[1], 'id')
if id ~= ARGV[1] then return redis.error_reply('INDEXLOST ' .. (id or 'none')) end

local prefix = ARGV[2]
local now_ms, window_ms, record_ms, replay_ms = struct.unpack('>I6I6I6I6', ARGV[3])
local article_shard, article, text_shard, content = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local text_field = string.sub(content, 1, 8)

local latest = redis.call('HGET', prefix .. 'a:' .. article_shard, article) or ''
local superseded, number = '', nil
if latest ~= '' and string.sub(latest, LATEST.CONTENT, LATEST.CONTENT + 15) == content
  and now_ms - u48(latest, LATEST.DECIDED) < record_ms then
  number = u40(latest, LATEST.NUMBER)
else
  superseded = redis.call('HGET', prefix .. 'v:' .. ARGV[12], article .. text_field) or ''
  if superseded ~= '' and now_ms - u48(superseded, VERSION.SUPERSEDED) < replay_ms then
    number = u40(superseded, VERSION.NUMBER)
  end
end
if number then
  local record = redis.call('GETRANGE', record_key(prefix, number), 0, RECORD_WITH_ID_BYTES - 1)
  -- the record is missing only if keys were evicted or deleted manually: then the article is decided again
  if record ~= '' then
    local replaced = redis.call('HGET', prefix .. 'p:' .. ARGV[12], article .. text_field) or ''
    local merges = redis.call('GET', prefix .. 'e:' .. article .. text_field) or ''
    return {latest, superseded, replaced, merges, '', record, '', '', '', '', ''}
  end
end

-- the stories of all entries, and their keys in `m`
local stories, keys, count, key_prefix = {}, {}, 0, merged_key(prefix, '')

-- Add the story of a record, given the head of the record.
local function add_story(head)
  count = count + 1
  stories[count] = string.sub(head, RECORD.STORY_NUMBER, RECORD.STORY_ID + 15)
  keys[count] = key_prefix .. string.sub(head, RECORD.STORY_ID, RECORD.STORY_ID + 15)
end

-- Return the stories that were not merged, and the merged ones with their roots. Read in parts: Lua's stack is bounded.
local function resolve_stories()
  local current, merged, roots = {}, {}, {}
  for first = 1, count, 1000 do
    local values = redis.call('MGET', unpack(keys, first, math.min(first + 999, count)))
    for at, into in ipairs(values) do
      local story = stories[first + at - 1]
      if into then merged[#merged + 1] = story .. end_of_chain(prefix, into, roots) else current[#current + 1] = story end
    end
  end
  return table.concat(current), table.concat(merged)
end

-- The latest decision has a story id and no number: it takes the place of a record with zeros before the id.
if latest ~= '' then add_story(string.rep('\0', RECORD.STORY_ID - 1) .. string.sub(latest, LATEST.STORY_ID)) end

local members, heads, seen, seen_stories = {}, {}, {}, {}

-- Add the head of a representative's record and its story. `packed` is the number as in entries.
local function add_head(packed)
  if seen[packed] then return end
  seen[packed] = true
  local head = redis.call('GETRANGE', record_key(prefix, number_of(packed)), 0, RECORD.STORY_ID + 14)
  if head == '' then return end
  local short = string.sub(head, 1, RECORD.STORY_NUMBER + 4)
  heads[#heads + 1] = packed .. short
  local story_number = string.sub(short, RECORD.STORY_NUMBER)
  if not seen_stories[story_number] then
    seen_stories[story_number] = true
    add_story(head)
  end
end

local pages = ''
if ARGV[11] ~= '' then
  pages = redis.call('HGET', prefix .. 'w:' .. ARGV[10], ARGV[11]) or ''
  for at = PAGES.FIRST, #pages, PAGES.BYTES do add_head(struct.pack('>I5', 2 * u40(pages, at) + 1)) end
end

local text = redis.call('HGET', prefix .. 't:' .. text_shard, text_field) or ''
if text ~= '' and now_ms - u48(text, TEXT.SEEN) < window_ms then
  local record = redis.call('GET', record_key(prefix, u40(text, TEXT.NUMBER)))
  if record then
    add_story(record)
    local current, merged = resolve_stories()
    return {latest, superseded, '', '', text, record, '', table.concat(heads), current, merged, pages}
  end
end

-- The representative of the latest decision may be recorded for another story than that decision names: one that was
-- merged into it.
if latest ~= '' then add_head(struct.pack('>I5', 2 * u40(latest, LATEST.NUMBER) + 1)) end
if ARGV[9] ~= '' then
  local shards = read_shards(prefix, ARGV[8])
  for band, shard in ipairs(shards) do
    if shard then
      each_entry(shard, fragment_of(ARGV[9], band), function(packed)
        members[#members + 1] = string.char(band - 1) .. packed
        add_head(packed)
      end)
    end
  end
end
local current, merged = resolve_stories()
return {latest, superseded, '', '', text, '', table.concat(members), table.concat(heads), current, merged, pages}
