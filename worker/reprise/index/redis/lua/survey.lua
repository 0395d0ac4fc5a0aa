-- Count what some shards of each kind hold, from one on: hashes are uniform, so that the rest is alike.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 now_ms   3 the first shard   4 shards at most   5 entries that are enough
-- Returns  {shards looked at, entries found, representatives, those of them that founded their story,
--           fields of 'a', 'v', 'p', 't', when the representatives were seen: longest ago, last (0 without any)}
-- Read only. One script so that no field comes over the wire.

local settings = cjson.decode(ARGV[1])
local prefix, shards, rule = settings.prefix, settings.shards, settings.rule
local now_ms = tonumber(ARGV[2])

-- @include keys
-- @include records
-- @include buckets

local KINDS = {'a', 'v', 'p', 't'}
local looked, found, living, founders, oldest_ms, newest_ms = 0, 0, 0, 0, 0, 0
local counts = {a = 0, v = 0, p = 0, t = 0}

local function count_representative(number)
  local seen_ms, story = read_head(number)
  if not seen_ms or now_ms - seen_ms >= settings.window_ms then return end
  living = living + 1
  if story == number then founders = founders + 1 end
  if oldest_ms == 0 or seen_ms < oldest_ms then oldest_ms = seen_ms end
  if seen_ms > newest_ms then newest_ms = seen_ms end
end

local shard = tonumber(ARGV[3])
local behind = math.min(shards, shard + tonumber(ARGV[4]))
while shard < behind and found < tonumber(ARGV[5]) do
  for _, kind in ipairs(KINDS) do
    local fields = #redis.call('HVALS', prefix .. kind .. ':' .. shard)
    counts[kind] = counts[kind] + fields
    found = found + fields
  end
  for _, bucket in ipairs(redis.call('HVALS', prefix .. 'b:0:' .. shard)) do
    local numbers = read_bucket(bucket)
    for _, number in ipairs(numbers) do count_representative(number) end
    found = found + #numbers
  end
  looked, shard = looked + 1, shard + 1
end
return {looked, found, living, founders, counts.a, counts.v, counts.p, counts.t, oldest_ms, newest_ms}
