-- Look up an article: its recorded decision, else the representative of the same text, else the representatives in its
-- buckets.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 now_ms, window_ms, record_ms, replay_ms (6 bytes each)
--          4 shard of the article   5 article field (8 bytes)   6 shard of the text   7 content hash (16)
--          8 shards of its bands (4 bytes each, or none)   9 fragments of its rows (3 bytes each, or none)
-- Returns  {latest decision, superseded decision, what that replaced, text, record, members, heads}, each empty if
--          there is none. Members: band (1 byte) and number (5) for each entry of a bucket. Heads: number (5), last_seen_ms
--          (6) and story number (5) for each member whose record exists. A recorded decision comes with the head of its
--          representative's record and nothing after it; a text with the whole record.
-- Read only, so that it may run on a replica. A script, so that all values are read at the same time.

-- @include layout
-- @include buckets

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
  superseded = redis.call('HGET', prefix .. 'v:' .. article_shard, article .. text_field) or ''
  if superseded ~= '' and now_ms - u48(superseded, VERSION.SUPERSEDED) < replay_ms then
    number = u40(superseded, VERSION.NUMBER)
  end
end
if number then
  local record = redis.call('GETRANGE', record_key(prefix, number), 0, RECORD_WITH_ID_BYTES - 1)
  -- the record is missing only if keys were evicted or deleted manually: then the article is decided again
  if record ~= '' then
    local replaced = redis.call('HGET', prefix .. 'p:' .. article_shard, article .. text_field) or ''
    return {latest, superseded, replaced, '', record, '', ''}
  end
end

local text = redis.call('HGET', prefix .. 't:' .. text_shard, text_field) or ''
if text ~= '' and now_ms - u48(text, TEXT.SEEN) < window_ms then
  local record = redis.call('GET', record_key(prefix, u40(text, TEXT.NUMBER)))
  if record then return {latest, '', '', text, record, '', ''} end
end

local members, heads, seen = {}, {}, {}
if ARGV[9] ~= '' then
  local shards = read_shards(prefix, ARGV[8])
  for band, shard in ipairs(shards) do
    if shard then
      each_entry(shard, fragment_of(ARGV[9], band), function(packed)
        members[#members + 1] = string.char(band - 1) .. packed
        if not seen[packed] then
          seen[packed] = true
          local head = redis.call('GETRANGE', record_key(prefix, number_of(packed)), 0, RECORD.STORY_NUMBER + 3)
          if head ~= '' then heads[#heads + 1] = packed .. head end
        end
      end)
    end
  end
end
return {latest, '', '', text, '', table.concat(members), table.concat(heads)}
