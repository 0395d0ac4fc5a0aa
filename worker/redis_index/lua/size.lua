-- Count the representatives in the buckets of the first band, in a few shards: row values are uniform, so the rest is alike.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 shards to look at
-- Returns  {representatives, shards looked at}
-- Read only. One script so that all shards are seen at one moment, in one round trip.

local settings = cjson.decode(ARGV[1])
local prefix, shards = settings.prefix, settings.shards

-- @include buckets

local looked, found = math.min(shards, tonumber(ARGV[2])), 0
for i = 0, looked - 1 do
  for _, value in ipairs(redis.call('HVALS', prefix .. 'b:0:' .. math.floor(i * shards / looked))) do
    found = found + #read_bucket(value)
  end
end
return {found, looked}
