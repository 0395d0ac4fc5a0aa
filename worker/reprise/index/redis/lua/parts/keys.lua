-- Where things are kept; see reprise/redis_index/keys.py. `prefix` and `shards` are set by the script.

local function shard_key(kind, field)
  local low = struct.unpack('>I4', field)
  return prefix .. kind .. ':' .. low % shards
end

local function record_key(number)
  return prefix .. 'r:' .. number -- Lua writes whole numbers below 10^14 with all their digits
end

-- key and field of a band's bucket; bands count from 1, rows are packed I4
local function bucket_place(rows, band)
  local row = struct.unpack('>I4', rows, 4 * band - 3)
  local shard = row % shards
  return prefix .. 'b:' .. (band - 1) .. ':' .. shard, (row - shard) / shards
end

local function put(key, field, value, ttl_ms)
  redis.call('HSET', key, field, value)
  redis.call('PEXPIRE', key, ttl_ms)
end
