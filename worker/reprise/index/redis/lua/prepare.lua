-- Open a namespace: create its index, or return the parameters of the one that it holds.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 version   2 parameters (as text)   3 shards   4 ttl_ms   5 a random id   6 window_ms   7 replay_ms
-- Returns  {version, parameters, shards, id, window_ms, replay_ms} of the existing or new index; an index of layout 1 has no
--          id. Of two workers with different retentions the longer one holds for both.
-- Atomic because two workers with different parameters may start at the same time.

local is_new = redis.call('HEXISTS', KEYS[1], 'version') == 0
if is_new then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'parameters', ARGV[2], 'shards', ARGV[3], 'id', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
local stored = redis.call('HMGET', KEYS[1], 'version', 'window_ms', 'replay_ms')
if stored[1] == ARGV[1] then
  local is_longer = false
  for i, field in ipairs({'window_ms', 'replay_ms'}) do
    local kept_ms = stored[i + 1] and tonumber(stored[i + 1])
    if not kept_ms or kept_ms < tonumber(ARGV[5 + i]) then
      redis.call('HSET', KEYS[1], field, ARGV[5 + i])
      is_longer = is_longer or not is_new
    end
  end
  -- The scripts of the other workers refuse the old id, and the workers then read the longer retention here. Otherwise they
  -- would remove entries, and shorten times to live, by their own.
  if is_longer then redis.call('HSET', KEYS[1], 'id', ARGV[5]) end
end
return redis.call('HMGET', KEYS[1], 'version', 'parameters', 'shards', 'id', 'window_ms', 'replay_ms')
