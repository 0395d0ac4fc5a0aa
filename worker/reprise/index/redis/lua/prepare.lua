-- Open a namespace: create its index, or return the parameters of the one that it holds.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 version   2 parameters (as text)   3 shards   4 ttl_ms   5 a random id for a new index
-- Returns  {version, parameters, shards, id} of the existing or new index; an index of layout 1 has no id
-- Atomic because two workers with different parameters may start at the same time.

if redis.call('HEXISTS', KEYS[1], 'version') == 0 then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'parameters', ARGV[2], 'shards', ARGV[3], 'id', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return redis.call('HMGET', KEYS[1], 'version', 'parameters', 'shards', 'id')
