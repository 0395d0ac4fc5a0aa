-- A bucket's value: one number in decimal, which a listpack keeps as an integer, or '+' and five bytes a number.

local function read_bucket(value)
  if not value then return {} end
  if string.sub(value, 1, 1) ~= '+' then return {tonumber(value)} end
  local numbers = {struct.unpack('>' .. string.rep('I5', (#value - 1) / 5), value, 2)}
  numbers[#numbers] = nil -- the position behind the last
  return numbers
end

local function pack_bucket(numbers)
  if #numbers == 1 then return string.format('%d', numbers[1]) end
  return '+' .. struct.pack('>' .. string.rep('I5', #numbers), unpack(numbers))
end
