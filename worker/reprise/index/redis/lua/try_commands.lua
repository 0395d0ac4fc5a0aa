-- Try every command that the other scripts use: which of them is this user refused?
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 a key that nothing is kept at   2... words of a refusal, which has no code of its own inside a script
-- Returns  {names of the commands that are refused}
-- Changes nothing, so that it may run beside live workers: what would write is given what no server takes, and rights are
-- looked at before that.

local key = ARGV[1]
local TRIES = {
  {'EXISTS', key}, {'GET', key}, {'GETRANGE', key, 0, 0}, {'HGET', key, 'x'}, {'HGETALL', key}, {'HMGET', key, 'x'},
  {'HVALS', key},
  -- nothing to remove, nothing to expire, nothing to replace, nothing to put
  {'HDEL', key, 'x'}, {'PEXPIRE', key, 1}, {'SET', key, 'x', 'XX'}, {'SETRANGE', key, 0, ''},
  -- a field without its value, a step that is no number
  {'HSET', key, 'x', 1, 'y'}, {'HINCRBY', key, 'x', 'y'},
}

local function is_refusal(told)
  for i = 2, #ARGV do
    if string.find(told, ARGV[i], 1, true) then return true end
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
