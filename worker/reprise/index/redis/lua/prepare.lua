-- Open a namespace: create its index, or return the parameters of the one that it holds.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 version   2 parameters (as text)   3 shards   4 ttl_ms   5 a random id   6 window_ms   7 replay_ms
--          8 thresholds of the rule (as text: name=value, separated by spaces)   9 seed of a new index
-- Returns  {version, parameters, shards, id, window_ms, replay_ms, rule, seed} of the existing or new index; an index of
--          layout 1 has no id, and one of layout 2 no seed. Of two workers with different retentions the longer one holds for both, and of two with different
--          thresholds the one that stored them first.
-- Atomic because two workers with different parameters may start at the same time.

-- Return the stored thresholds with those added that they lack: all of a new index, or those of a newer version.
local function complete_rule(stored, own)
  for name, value in string.gmatch(own, '(%S+)=(%S+)') do
    if not string.find(' ' .. stored, ' ' .. name .. '=', 1, true) then
      stored = (stored == '' and '' or stored .. ' ') .. name .. '=' .. value
    end
  end
  return stored
end

local is_new = redis.call('HEXISTS', KEYS[1], 'version') == 0
if is_new then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'parameters', ARGV[2], 'shards', ARGV[3], 'id', ARGV[5],
    'seed', ARGV[9])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
local stored = redis.call('HMGET', KEYS[1], 'version', 'window_ms', 'replay_ms', 'rule')
if stored[1] == ARGV[1] then
  local is_changed = false
  for i, field in ipairs({'window_ms', 'replay_ms'}) do
    local kept_ms = stored[i + 1] and tonumber(stored[i + 1])
    if not kept_ms or kept_ms < tonumber(ARGV[5 + i]) then
      redis.call('HSET', KEYS[1], field, ARGV[5 + i])
      is_changed = true
    end
  end
  local rule = complete_rule(stored[4] or '', ARGV[8])
  if rule ~= stored[4] then
    redis.call('HSET', KEYS[1], 'rule', rule)
    is_changed = true
  end
  -- The scripts of the other workers refuse the old id, and the workers then read the stored values here. Otherwise they
  -- would remove entries, shorten times to live and decide by their own.
  if is_changed and not is_new then redis.call('HSET', KEYS[1], 'id', ARGV[5]) end
end
return redis.call('HMGET', KEYS[1], 'version', 'parameters', 'shards', 'id', 'window_ms', 'replay_ms', 'rule', 'seed')
