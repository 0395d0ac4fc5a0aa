-- Count the entries in the first shards of the first band: row values are uniform, so these shards are a sample.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 shards of each kind   3 number of entries after which the count stops   4 maximum shards
-- Returns  {entries, shards read}
-- Read only. A script, so that all shards are read in one round trip.

-- @include layout
-- @include buckets

local read, counted = 0, 0
while read < math.min(tonumber(ARGV[2]), tonumber(ARGV[4])) and counted < tonumber(ARGV[3]) do
  counted = counted + used_bytes(redis.call('GET', bucket_key(ARGV[1], 1, read)) or '') / ENTRY.BYTES
  read = read + 1
end
return {counted, read}
