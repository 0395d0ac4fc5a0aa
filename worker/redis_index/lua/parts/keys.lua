-- Where things are kept; see worker/redis_index/keys.py. `prefix` and `shards` are set by the script.

local function shard_key(kind, field)
  local low = struct.unpack('>I4', field)
  return prefix .. kind .. ':' .. low % shards
end

local function record_key(number)
  return prefix .. 'r:' .. string.format('%d', number)
end

local function put(key, field, value, ttl_ms)
  redis.call('HSET', key, field, value)
  redis.call('PEXPIRE', key, ttl_ms)
end
