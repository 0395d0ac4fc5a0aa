-- reprise/decision.py, compare and accepts: the same numbers, in an order that stops early.

local HASH_SPACE = 16777216
local SENTENCE_HASHES = 2

-- A sentence's shingles with a digit (odd hashes) are counted so far behind its others; a sentence is a byte.
local FIGURES = 256

local formats = {}

-- One call for all: three times as fast as a call a value. A sketch has 256 values at most; Lua's stack takes 8,000.
local function unpack_sketch(packed)
  local count = #packed / 3
  formats[count] = formats[count] or '>' .. string.rep('I3', count)
  local sketch = {struct.unpack(formats[count], packed)}
  sketch[#sketch] = nil -- the position behind the last
  return sketch
end

-- What is compared of an article: its sketch, where each of its values is counted, and how many are counted where.
local function sampled(packed, passages, size, words)
  local sample = {sketch = unpack_sketch(packed), size = size, words = words, at = {}, slots = {}, counts = {}}
  local sentences = {string.byte(passages, 1, -1)}
  for i, value in ipairs(sample.sketch) do
    local slot = sentences[i] + 1 + value % 2 * FIGURES
    sample.slots[i], sample.at[value] = slot, slot
  end
  return sample
end

-- how many of its first values are counted where; near copies of one text reach equally far, so it is kept
local function counts_of(sample, first)
  local counts = sample.counts[first]
  if not counts then
    counts = {}
    for i = 1, first do
      local slot = sample.slots[i]
      counts[slot] = (counts[slot] or 0) + 1
    end
    sample.counts[first] = counts
  end
  return counts
end

local function reach_of(sketch, size)
  return #sketch < size and sketch[#sketch] + 1 or HASH_SPACE
end

-- how many values of an ascending list are below a bound
local function count_below(values, bound)
  local low, high = 0, #values
  if values[high] < bound then return high end
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if values[middle] < bound then low = middle else high = middle - 1 end
  end
  return low
end

-- hashes of the sentences of which a good part is shared, and of their figures, too
local function copied_sentences(shared, counts)
  local hashes = 0
  for slot in pairs(shared) do
    local sentence = slot > FIGURES and slot - FIGURES or slot
    if slot == sentence or not shared[sentence] then -- once a sentence
      local figures = shared[sentence + FIGURES] or 0
      local count = (shared[sentence] or 0) + figures
      local all_figures = counts[sentence + FIGURES] or 0
      local all = (counts[sentence] or 0) + all_figures
      if count >= SENTENCE_HASHES and count >= rule.sentence_share * all
        and figures >= rule.figure_share * all_figures then
        hashes = hashes + count
      end
    end
  end
  return hashes
end

-- nil where too little is shared for any verdict but no
local function compare(sample, packed, size)
  local sketch = unpack_sketch(packed)
  local reach = math.min(reach_of(sample.sketch, sample.size), reach_of(sketch, size))
  local mine, other = count_below(sample.sketch, reach), count_below(sketch, reach)
  local common, shared, at = 0, {}, sample.at
  for i = 1, other do
    local slot = at[sketch[i]]
    if slot then
      common = common + 1
      shared[slot] = (shared[slot] or 0) + 1
    end
  end
  local hopeless = common < rule.copied_hashes and common < rule.near * #sketch
  if common == 0 or hopeless then return nil end
  local smaller, together = math.min(mine, other), mine + other - common
  local hashes = copied_sentences(shared, counts_of(sample, mine))
  return {
    similarity = common / together,
    containment = common / smaller,
    copied_similarity = hashes / together,
    copied = hashes / smaller,
    hashes = hashes,
    words = hashes * sample.words / mine,
  }
end

local function accepts(c, same_source)
  if c.copied_similarity >= rule.near then return true end
  local enough = c.copied >= rule.copied_share
  if same_source then enough = c.copied_similarity >= rule.same_source end
  return enough and c.hashes >= rule.copied_hashes and c.words >= rule.copied_words
end
