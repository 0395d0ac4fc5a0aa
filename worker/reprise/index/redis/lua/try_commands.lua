-- Try every command that the other scripts use, and return those that this user may not run.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 a key that does not exist   2... texts of a permission error, which has no error code inside a script
-- Returns  {names of the commands that are refused}
-- Changes nothing, so that it may run while workers use the index: commands that could write have no effect on a missing
-- key, or have invalid arguments. The server checks permissions before arguments.

local key = ARGV[1]
local TRIES = {
  {'EXISTS', key}, {'GET', key}, {'GETRANGE', key, 0, 0}, {'HGET', key, 'x'}, {'HGETALL', key}, {'HMGET', key, 'x'},
  {'HEXISTS', key, 'x'}, {'HLEN', key}, {'HSCAN', key, 0}, {'MGET', key},
  -- these have no effect on a key that does not exist
  {'DEL', key}, {'HDEL', key, 'x'}, {'PEXPIRE', key, 1}, {'SET', key, 'x', 'XX'}, {'SETRANGE', key, 0, ''},
  -- these have invalid arguments: a missing value, an increment that is no number
  {'HSET', key, 'x', 1, 'y'}, {'HINCRBY', key, 'x', 'y'},
}

local function is_refusal(message)
  for i = 2, #ARGV do
    if string.find(message, ARGV[i], 1, true) then return true end
  end
  return false
end

local refused = {}
for _, try in ipairs(TRIES) do
  local answer = redis.pcall(unpack(try))
  if type(answer) == 'table' and answer.err and is_refusal(answer.err) then
    refused[#refused + 1] = try[1]
  end
end
return refused
