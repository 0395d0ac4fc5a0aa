-- worker/decision.py, compare and accepts: the same numbers, in an order that stops early.

local HASH_SPACE = 16777216
local SENTENCE_HASHES = 2

-- One call for all: three times as fast as a call a value. A sketch has 256 values at most; Lua's stack takes 8,000.
local function unpack_sketch(packed)
  local sketch = {struct.unpack('>' .. string.rep('I3', #packed / 3), packed)}
  sketch[#sketch] = nil -- the position behind the last
  return sketch
end

local function reach_of(sketch, size)
  return #sketch < size and sketch[#sketch] + 1 or HASH_SPACE
end

-- how many values of an ascending list are below a bound
local function count_below(values, bound)
  local low, high = 0, #values
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if values[middle] < bound then low = middle else high = middle - 1 end
  end
  return low
end

-- hashes of the sentences of which a good part is shared, and of their figures (odd hashes), too; `shared` are positions
-- in the article's sketch
local function copied_sentences(article, shared, mine)
  local in_sentence, figures, shared_in_sentence, shared_figures = {}, {}, {}, {}
  for _, i in ipairs(shared) do
    local sentence = article.passages[i]
    shared_in_sentence[sentence] = (shared_in_sentence[sentence] or 0) + 1
    shared_figures[sentence] = (shared_figures[sentence] or 0) + article.sketch[i] % 2
  end
  for i = 1, mine do
    local sentence = article.passages[i]
    if shared_in_sentence[sentence] then
      in_sentence[sentence] = (in_sentence[sentence] or 0) + 1
      figures[sentence] = (figures[sentence] or 0) + article.sketch[i] % 2
    end
  end
  local hashes = 0
  for sentence, count in pairs(shared_in_sentence) do
    if count >= SENTENCE_HASHES and count >= rule.sentence_share * in_sentence[sentence]
      and shared_figures[sentence] >= rule.figure_share * figures[sentence] then
      hashes = hashes + count
    end
  end
  return hashes
end

-- nil where too little is shared for any verdict but no
local function compare(article, packed, size)
  local sketch = unpack_sketch(packed)
  local reach = math.min(reach_of(article.sketch, article.size), reach_of(sketch, size))
  local shared, at = {}, article.at
  for n = 1, #sketch do
    local i = at[sketch[n]]
    if i then shared[#shared + 1] = i end
  end
  local hopeless = #shared < rule.copied_hashes and #shared < rule.near * #sketch
  if #shared == 0 or hopeless then return nil end
  local mine, other = count_below(article.sketch, reach), count_below(sketch, reach)
  local smaller = math.min(mine, other)
  local hashes = copied_sentences(article, shared, mine)
  return {
    similarity = #shared / (mine + other - #shared),
    containment = #shared / smaller,
    copied_similarity = hashes / (mine + other - #shared),
    copied = hashes / smaller,
    hashes = hashes,
    words = hashes * article.words / mine,
  }
end

local function accepts(c, same_source)
  if c.copied_similarity >= rule.near then return true end
  local enough = c.copied >= rule.copied_share
  if same_source then enough = c.copied_similarity >= rule.same_source end
  return enough and c.hashes >= rule.copied_hashes and c.words >= rule.copied_words
end
