-- Count the entries in the first shards of the first band: row values are uniform, so that the others are alike.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 shards of each kind   3 entries that are enough   4 shards to read at most
-- Returns  {entries, shards read}
-- Read only. One script, so that all shards are of one moment, in one round trip.

-- @include layout
-- @include buckets

local read, found = 0, 0
while read < math.min(tonumber(ARGV[2]), tonumber(ARGV[4])) and found < tonumber(ARGV[3]) do
  found = found + used_bytes(redis.call('GET', bucket_key(ARGV[1], 1, read)) or '') / ENTRY.BYTES
  read = read + 1
end
return {found, read}
