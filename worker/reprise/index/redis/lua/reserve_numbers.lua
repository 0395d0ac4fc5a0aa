-- Reserve numbers for new representatives.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 how many
-- Returns  the last number reserved
-- One script, so that no number comes from an index that was lost and created again in between.

-- While the slot is moved key by key, nothing is written: the server refuses a key that is not there; see commit.
redis.call('EXISTS', ARGV[2] .. 'none')

local id = redis.call('HGET', KEYS[1], 'id')
if id ~= ARGV[1] then return redis.error_reply('INDEXLOST ' .. (id or 'none')) end
return redis.call('HINCRBY', KEYS[1], 'number', ARGV[3])
