-- A representative's record: seen_ms I6, story number I5, size I4, source 8, story id 16, filled_ms I6, id length I2,
-- article id, rows, sketch. filled_ms is when the keys of its buckets were last given their whole time to live.

local HEAD = '>I6I5I4c8c16I6I2'
local NO_SOURCE = string.rep('\0', 8)

local function pack_record(r)
  return struct.pack(HEAD, r.seen_ms, r.story, r.size, r.source, r.story_id, r.seen_ms, #r.article_id)
    .. r.article_id .. r.rows .. r.sketch
end

local function read_record(number)
  local raw = redis.call('GET', record_key(number))
  if not raw then return nil end
  local r = {number = number}
  local length, at
  r.seen_ms, r.story, r.size, r.source, r.story_id, r.filled_ms, length, at = struct.unpack(HEAD, raw)
  r.article_id = string.sub(raw, at, at + length - 1)
  at = at + length
  local rows = r.size > 0 and 4 * rule.permutations or 0
  r.rows = string.sub(raw, at, at + rows - 1)
  r.sketch = string.sub(raw, at + rows)
  return r
end

-- seen_ms and story number alone, without the sketch: enough to see whether a bucket's member lives, and whose it is
local function read_head(number)
  local raw = redis.call('GETRANGE', record_key(number), 0, 10)
  if #raw < 11 then return nil end
  local seen_ms, story = struct.unpack('>I6I5', raw)
  return seen_ms, story
end

-- A match keeps a record alive, and with it the keys of its buckets: where traffic is sparse nobody else renews them.
-- Half the margin between two renewals leaves the other half to the last. Workers' clocks differ: nothing is made older.
local function touch_record(r, now_ms)
  local key = record_key(r.number)
  if now_ms > r.seen_ms then redis.call('SETRANGE', key, 0, struct.pack('>I6', now_ms)) end
  redis.call('PEXPIRE', key, settings.record_ms + settings.margin_ms)
  if now_ms - r.filled_ms <= settings.margin_ms / 2 then return end
  redis.call('SETRANGE', key, 39, struct.pack('>I6', now_ms))
  for band = 1, #r.rows / 4 do
    redis.call('PEXPIRE', (bucket_place(r.rows, band)), settings.window_ms + settings.margin_ms)
  end
end

-- Bytes 6 to 10 are the story number, 23 to 38 the story id.
local function move_record(r, to)
  local key = record_key(r.number)
  redis.call('SETRANGE', key, 6, struct.pack('>I5', to.story))
  redis.call('SETRANGE', key, 23, to.story_id)
end
