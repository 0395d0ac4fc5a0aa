-- Remove what is too old from the next few shards, so that all of them are visited every eighth of the window.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON, as for decide)   2 now_ms   3 shards to visit at most
-- Returns  {shards visited, fields removed}
-- Atomic because an entry may be written anew between the look and the removal. Running it twice does no harm.
--
-- Shards are never deleted by their own expiry while traffic touches them, and Redis has no cheap expiry of single fields.

local settings = cjson.decode(ARGV[1])
local prefix, shards, rule = settings.prefix, settings.shards, settings.rule
local now_ms = tonumber(ARGV[2])

-- @include keys
-- @include records
-- @include buckets

local bands = rule.permutations
local total = (bands + 4) * shards
-- what has to be younger than what, by kind of shard, and where the time stands in a value
local AGES = {
  {kind = 'a', at = 1 + 6 + 16 + 1 + 2 + 2, max_ms = settings.record_ms}, -- crawl time, content hash, code, two shares
  {kind = 'v', at = 1, max_ms = settings.replay_ms},
  {kind = 'p', at = 1, max_ms = settings.record_ms + settings.replay_ms},
  {kind = 't', at = 1 + 5, max_ms = settings.window_ms},
}

local function lives(number)
  local seen_ms = read_head(number)
  return seen_ms and now_ms - seen_ms < settings.window_ms
end

-- the value to keep of a bucket, nil where nothing of it lives
local function living_part(value)
  local numbers, living = read_bucket(value), {}
  for _, number in ipairs(numbers) do
    if lives(number) then living[#living + 1] = number end
  end
  if #living == #numbers then return value end
  return #living > 0 and pack_bucket(living) or nil
end

local function sweep_shard(key, keep)
  local fields, removed = redis.call('HGETALL', key), 0
  for i = 1, #fields, 2 do
    local kept = keep(fields[i + 1])
    if not kept then
      redis.call('HDEL', key, fields[i])
      removed = removed + 1
    elseif kept ~= fields[i + 1] then
      redis.call('HSET', key, fields[i], kept)
    end
  end
  return removed
end

local state = redis.call('HMGET', KEYS[1], 'version', 'swept_ms', 'cursor')
if state[1] ~= settings.version then return {0, 0} end
local swept_ms, cursor = tonumber(state[2]), tonumber(state[3] or 0)
if not swept_ms then
  redis.call('HSET', KEYS[1], 'swept_ms', now_ms)
  return {0, 0}
end
local round_ms = settings.window_ms / 8
local due = math.floor((now_ms - swept_ms) * total / round_ms)
if due < 1 then return {0, 0} end
due = math.min(due, total, tonumber(ARGV[3]))
local removed = 0
for _ = 1, due do
  local kind, shard = math.floor(cursor / shards), cursor % shards
  if kind < bands then
    removed = removed + sweep_shard(prefix .. 'b:' .. kind .. ':' .. shard, living_part)
  else
    local age = AGES[kind - bands + 1]
    removed = removed + sweep_shard(prefix .. age.kind .. ':' .. shard, function(value)
      return now_ms - struct.unpack('>I6', value, age.at) < age.max_ms and value or nil
    end)
  end
  cursor = (cursor + 1) % total
end
-- What was due and not visited stays so, as far as it was not due twice: large batches are few, small ones make up for it.
local shard_ms = round_ms / total
swept_ms = math.floor(math.max(swept_ms + due * shard_ms, now_ms - (total - due) * shard_ms))
redis.call('HSET', KEYS[1], 'swept_ms', string.format('%d', swept_ms), 'cursor', cursor)
return {due, removed}
