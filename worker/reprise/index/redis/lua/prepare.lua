-- Open a namespace: create its index, or check that the one it holds was written with the same parameters.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 version   2 parameters (text, for people)   3 shards   4 ttl_ms
-- Returns  {version, parameters, shards} as the namespace holds them
-- Atomic because two workers with different parameters may start at the same moment.

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'parameters', ARGV[2], 'shards', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return redis.call('HMGET', KEYS[1], 'version', 'parameters', 'shards')
