-- worker/decision.py, compare and accepts: the same steps on the same numbers.

local HASH_SPACE = 16777216
local SENTENCE_HASHES = 2

local function unpack_sketch(packed)
  local sketch = {}
  local at, count = 1, #packed / 3
  while count > 0 do
    -- at most 64 results a call: Lua's stack is small
    local n = math.min(count, 64)
    local values = {struct.unpack('>' .. string.rep('I3', n), packed, at)}
    for i = 1, n do sketch[#sketch + 1] = values[i] end
    at, count = at + 3 * n, count - n
  end
  return sketch
end

local function reach_of(sketch, size)
  return #sketch < size and sketch[#sketch] + 1 or HASH_SPACE
end

local function compare(article, sketch, size)
  local reach = math.min(reach_of(article.sketch, article.size), reach_of(sketch, size))
  local theirs, other = {}, 0
  for _, value in ipairs(sketch) do
    if value >= reach then break end
    theirs[value] = true
    other = other + 1
  end
  local mine, shared, in_sentence, shared_in_sentence = 0, 0, {}, {}
  for i, value in ipairs(article.sketch) do
    if value >= reach then break end
    local sentence = string.byte(article.passages, i)
    mine = mine + 1
    in_sentence[sentence] = (in_sentence[sentence] or 0) + 1
    if theirs[value] then
      shared = shared + 1
      shared_in_sentence[sentence] = (shared_in_sentence[sentence] or 0) + 1
    end
  end
  if shared == 0 then return nil end
  local smaller, hashes, places, seen = math.min(mine, other), 0, 0, {}
  for sentence, count in pairs(shared_in_sentence) do
    if count >= SENTENCE_HASHES and count >= rule.sentence_share * in_sentence[sentence] then
      hashes = hashes + count
      local place = string.byte(article.places, sentence + 1)
      if not seen[place] then
        seen[place] = true
        places = places + 1
      end
    end
  end
  return {
    similarity = shared / (mine + other - shared),
    containment = shared / smaller,
    copied = hashes / smaller,
    hashes = hashes,
    shingles = hashes * article.size / mine,
    places = places,
  }
end

local function accepts(c, same_source)
  if same_source then return c.similarity >= rule.same_source end
  return c.copied >= rule.copied_share and c.hashes >= rule.copied_hashes
    and (c.places >= 2 or c.shingles >= rule.copied_shingles)
end
