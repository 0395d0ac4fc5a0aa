-- Count the representatives in the buckets of the first band, in its first shards: row values are uniform, so that the
-- rest is alike. Looks on while it found little, for an index may be far from its expected size.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 representatives that are enough   3 shards to look at, at most
-- Returns  {representatives, shards looked at}
-- Read only. One script so that all shards are seen at one moment, in one round trip.

local settings = cjson.decode(ARGV[1])
local prefix, shards = settings.prefix, settings.shards

-- @include buckets

local looked, found = 0, 0
while looked < math.min(shards, tonumber(ARGV[3])) and found < tonumber(ARGV[2]) do
  for _, value in ipairs(redis.call('HVALS', prefix .. 'b:0:' .. looked)) do
    found = found + #read_bucket(value)
  end
  looked = looked + 1
end
return {found, looked}
