-- Remove entries past their retention from the next few shards, so that every shard is visited once in an eighth of the window.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 now_ms, window_ms, record_ms, replay_ms (6 bytes each)   4 bands
--          5 shards of each kind   6 maximum shards to visit
-- Returns  {shards visited, entries removed}
-- Atomic because an entry may be written between the check and the removal. A second run does no harm.
--
-- Writes renew the time to live of a whole shard, so its old entries would stay; Redis does not expire parts of a string.

-- @include layout
-- @include buckets

-- A worker whose clock was this far ahead, in ms, has set swept_ms: without a correction no shard would be due until then.
-- Workers refuse to start with a clock that is 5 minutes ahead.
local MAX_AHEAD_MS = 600000

-- Entries after which a call ends, and entries of one key that are read at once, so that a call takes at most 5 ms of the
-- server's time, whatever the data: reading an entry takes 0.8 microseconds, and removing it as much again. An index of the
-- expected size has some hundred entries in a key. A larger key is swept in parts: each call takes another one, by the time.
local MAX_ENTRIES, MAX_FIELDS = 2000, 1000
local entries_read = 0

local prefix = ARGV[2]
local now_ms, window_ms, record_ms, replay_ms = struct.unpack('>I6I6I6I6', ARGV[3])
local bands, shards = tonumber(ARGV[4]), tonumber(ARGV[5])
local total = (bands + 5) * shards
-- by kind of hash, the offset of the time in a value, and the age in ms at which the entry is removed
local AGES = {
  {kind = 'a', at = LATEST.DECIDED, max_ms = record_ms},
  {kind = 'v', at = VERSION.SUPERSEDED, max_ms = record_ms},
  {kind = 'p', at = 1, max_ms = record_ms + replay_ms},
  {kind = 't', at = TEXT.SEEN, max_ms = window_ms},
  {kind = 'w', at = PAGES.SEEN, max_ms = window_ms},
}

local function is_in_window(number)
  local head = redis.call('GETRANGE', record_key(prefix, number), 0, RECORD.STORY_NUMBER - 2)
  return head ~= '' and now_ms - u48(head, RECORD.LAST_SEEN) < window_ms
end

local function sweep_buckets(key)
  local shard = redis.call('GET', key)
  if not shard then return 0 end
  local used, kept, in_window = used_bytes(shard), {}, {}
  local part_bytes = MAX_FIELDS * ENTRY.BYTES
  local first = 1 + now_ms % math.max(1, math.ceil(used / part_bytes)) * part_bytes
  local last = math.min(used, first + part_bytes - 1)
  local entries = (last - first + 1) / ENTRY.BYTES
  entries_read = entries_read + entries
  for at = first, last, ENTRY.BYTES do
    local packed = string.sub(shard, at + ENTRY.FRAGMENT_BYTES, at + ENTRY.BYTES - 1)
    if in_window[packed] == nil then in_window[packed] = is_in_window(number_of(packed)) end
    if in_window[packed] then kept[#kept + 1] = string.sub(shard, at, at + ENTRY.BYTES - 1) end
  end
  local removed = entries - #kept
  if removed > 0 then
    local rest = string.sub(shard, 1, first - 1) .. table.concat(kept) .. string.sub(shard, last + 1, used)
    if rest == '' then redis.call('DEL', key) else redis.call('SET', key, padded(rest), 'KEEPTTL') end
  end
  return removed
end

local function sweep_hash(key, age)
  local count, fields = redis.call('HLEN', key), nil
  if count > MAX_FIELDS then
    -- any number is a valid cursor of a large hash; HSCAN goes on from there to the end
    local cursor = string.format('%d', now_ms % 4294967296)
    fields = redis.call('HSCAN', key, cursor, 'COUNT', MAX_FIELDS)[2]
  else
    fields = redis.call('HGETALL', key)
  end
  local removed = 0
  entries_read = entries_read + #fields / 2
  for i = 1, #fields, 2 do
    if now_ms - u48(fields[i + 1], age.at) >= age.max_ms then
      redis.call('HDEL', key, fields[i])
      removed = removed + 1
      entries_read = entries_read + 1
    end
  end
  return removed
end

local state = redis.call('HMGET', KEYS[1], 'id', 'swept_ms', 'cursor')
if state[1] ~= ARGV[1] then return {0, 0} end
local swept_ms, cursor = tonumber(state[2]), tonumber(state[3] or 0)
if not swept_ms then
  redis.call('HSET', KEYS[1], 'swept_ms', now_ms)
  return {0, 0}
end
if swept_ms - now_ms > MAX_AHEAD_MS then
  redis.call('HSET', KEYS[1], 'swept_ms', now_ms)
  return {0, 0}
end
local round_ms = window_ms / 8
local due = math.floor((now_ms - swept_ms) * total / round_ms)
if due < 1 then return {0, 0} end
due = math.min(due, total, tonumber(ARGV[6]))
local removed, visited = 0, 0
while visited < due and entries_read < MAX_ENTRIES do
  local kind, shard = math.floor(cursor / shards), cursor % shards
  if kind < bands then
    removed = removed + sweep_buckets(bucket_key(prefix, kind + 1, shard))
  else
    local age = AGES[kind - bands + 1]
    removed = removed + sweep_hash(prefix .. age.kind .. ':' .. shard, age)
  end
  cursor = (cursor + 1) % total
  visited = visited + 1
end
due = visited
-- Shards that were due and not visited stay due, up to one round; later sweeps visit them.
local shard_ms = round_ms / total
swept_ms = math.floor(math.max(swept_ms + due * shard_ms, now_ms - (total - due) * shard_ms))
redis.call('HSET', KEYS[1], 'swept_ms', string.format('%d', swept_ms), 'cursor', cursor)
return {due, removed}
