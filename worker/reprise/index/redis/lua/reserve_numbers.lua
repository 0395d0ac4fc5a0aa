-- Reserve numbers for new representatives.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 id of the index   2 prefix   3 count
-- Returns  the last number reserved
-- Atomic because the index may be lost and created again between the check of its id and the reservation.

-- While the slot is moved key by key, the script fails here, before any write; see commit.
redis.call('EXISTS', ARGV[2] .. 'none')

local id = redis.call('HGET', KEYS[1], 'id')
if id ~= ARGV[1] then return redis.error_reply('INDEXLOST ' .. (id or 'none')) end
return redis.call('HINCRBY', KEYS[1], 'number', ARGV[3])
