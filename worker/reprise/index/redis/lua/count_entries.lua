-- Count the entries in a range of shards of each kind. Hashes are uniform, so the range is a sample of all shards.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms (6 bytes each)   3 shards of each kind   4 the first shard   5 maximum shards
--          6 number of entries after which the count stops
-- Returns  {shards read, entries counted, representatives within the window, those of them that founded a story which was
--           not merged, fields of 'a', 'v', 'p', 't', the earliest and the latest last_seen_ms of the representatives (0
--           without any)}
-- Read only. A script, so that no entry crosses the network.

-- @include layout
-- @include buckets
-- @include stories

local prefix = ARGV[1]
local now_ms, window_ms = struct.unpack('>I6I6', ARGV[2])
local KINDS = {'a', 'v', 'p', 't'}
local read, counted, representatives, founders, earliest_ms, latest_ms = 0, 0, 0, 0, 0, 0
local counts = {a = 0, v = 0, p = 0, t = 0}

local function count_representative(number)
  local head = redis.call('GETRANGE', record_key(prefix, number), 0, RECORD.STORY_ID + 14)
  if head == '' then return end
  local seen_ms = u48(head, RECORD.LAST_SEEN)
  if now_ms - seen_ms >= window_ms then return end
  representatives = representatives + 1
  if u40(head, RECORD.STORY_NUMBER) == number
    and redis.call('EXISTS', merged_key(prefix, string.sub(head, RECORD.STORY_ID))) == 0 then
    founders = founders + 1
  end
  if earliest_ms == 0 or seen_ms < earliest_ms then earliest_ms = seen_ms end
  if seen_ms > latest_ms then latest_ms = seen_ms end
end

local shard = tonumber(ARGV[4])
local stop = math.min(tonumber(ARGV[3]), shard + tonumber(ARGV[5]))
while shard < stop and counted < tonumber(ARGV[6]) do
  for _, kind in ipairs(KINDS) do
    local fields = redis.call('HLEN', prefix .. kind .. ':' .. shard)
    counts[kind] = counts[kind] + fields
    counted = counted + fields
  end
  local entries = redis.call('GET', bucket_key(prefix, 1, shard)) or ''
  local used = used_bytes(entries)
  for at = 1, used, ENTRY.BYTES do
    count_representative(number_of(string.sub(entries, at + ENTRY.FRAGMENT_BYTES, at + ENTRY.BYTES - 1)))
  end
  counted = counted + used / ENTRY.BYTES
  read, shard = read + 1, shard + 1
end
return {read, counted, representatives, founders, counts.a, counts.v, counts.p, counts.t, earliest_ms, latest_ms}
