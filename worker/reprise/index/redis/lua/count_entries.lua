-- Count the entries in a range of shards of each kind. Hashes are uniform, so the range is a sample of all shards.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 shards of each kind   3 the first shard   4 maximum shards
--          5 number of entries after which the count stops
-- Returns  {shards read, entries counted, fields of 'a', 'v', 'p', 't'}
-- Read only. A script, so that no entry crosses the network.

local prefix = ARGV[1]
local KINDS = {'a', 'v', 'p', 't'}
local read, counted = 0, 0
local counts = {a = 0, v = 0, p = 0, t = 0}

local shard = tonumber(ARGV[3])
local stop = math.min(tonumber(ARGV[2]), shard + tonumber(ARGV[4]))
while shard < stop and counted < tonumber(ARGV[5]) do
  for _, kind in ipairs(KINDS) do
    local fields = redis.call('HLEN', prefix .. kind .. ':' .. shard)
    counts[kind] = counts[kind] + fields
    counted = counted + fields
  end
  read, shard = read + 1, shard + 1
end
return {read, counted, counts.a, counts.v, counts.p, counts.t}
