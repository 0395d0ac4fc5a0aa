-- Decide one article: give its recorded decision again, or find its story, record the decision and index the article.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 settings (JSON: version, prefix, shards, window_ms, record_ms, replay_ms, margin_ms, rule)
--          2 now_ms   3 article id   4 article field (8 bytes)   5 content hash (16)   6 source (8 bytes or none)
--          7 crawled_ms (0: unknown)   8 id of the story if it founds one (16)   9 rows (4 bytes each, or none)
--          10 sketch (3 bytes each)   11 passages (1 each)   12 size   13 words
--          14 1 to learn what another index of the namespace decided (settings.heritage: prefix, shards, rehashed)
-- Returns  {code, similarity, containment (both in 1/10000), decided_ms, story id, matched article id,
--           superseded content hash, superseded code, superseded story id, replayed, candidates, stopped, full, indexed}
-- Atomic because two workers may get two copies of a new story at the same moment, and one of them must see the other's.
-- Idempotent: a second run, after an answer was lost, finds the recorded decision.
--
-- Codes: N new, E exact, A near, P partial, R revision, r a revision that supersedes nothing (its crawl is older).

local settings = cjson.decode(ARGV[1])
local prefix, shards, rule = settings.prefix, settings.shards, settings.rule
local now_ms = tonumber(ARGV[2])

-- @include keys
-- @include records
-- @include buckets
-- @include compare
-- @include match
-- @include decisions

-- While the slot is moved key by key, the server refuses every key that is not there. This one never is: refused here
-- nothing is written yet; refused at a new record, half of a decision is, and the next articles of the batch build on it.
redis.call('EXISTS', prefix .. 'none')

local version = redis.call('HGET', KEYS[1], 'version')
if version ~= settings.version then
  return redis.error_reply('INDEXVERSION ' .. (version or 'none'))
end

local article = {
  id = ARGV[3], field = ARGV[4], content = ARGV[5], source = ARGV[6] ~= '' and ARGV[6] or NO_SOURCE,
  crawled_ms = tonumber(ARGV[7]), founds = ARGV[8], rows = ARGV[9], sketch = ARGV[10], size = tonumber(ARGV[12]),
}
local record_ttl_ms = settings.record_ms + settings.margin_ms

-- The buckets of the article's bands: where each is kept, and its living members. A member is {number, story}.
local function read_buckets()
  local heads, buckets = {}, {}
  for band = 1, #article.rows / 4 do
    local bucket = {}
    bucket.key, bucket.field = bucket_place(article.rows, band)
    for _, number in ipairs(read_bucket(redis.call('HGET', bucket.key, bucket.field))) do
      if heads[number] == nil then
        local seen_ms, story = read_head(number)
        heads[number] = seen_ms and now_ms - seen_ms < settings.window_ms and {number = number, story = story} or false
      end
      if heads[number] then bucket[#bucket + 1] = heads[number] end
    end
    buckets[band] = bucket
  end
  return buckets
end

local function accepted(ranked)
  local matches = {}
  local sample = #ranked > 0 and sampled(article.sketch, ARGV[11], article.size, tonumber(ARGV[13]))
  for _, member in ipairs(ranked) do
    local r = read_record(member.number)
    local same_source = r.source ~= NO_SOURCE and r.source == article.source
    local c = compare(sample, r.sketch, r.size)
    if c and accepts(c, same_source) then
      matches[#matches + 1] = {record = r, comparison = c, same_source = same_source}
    end
  end
  return matches
end

local function of_story(matches, story_id)
  local own = {}
  for _, match in ipairs(matches) do
    if match.record.story_id == story_id then own[#own + 1] = match end
  end
  return own
end

local function exact_copy()
  local raw = redis.call('HGET', shard_key('t', article.content), string.sub(article.content, 1, 8))
  if not raw then return nil end
  local number, seen_ms = struct.unpack('>I5I6', raw)
  if now_ms - seen_ms >= settings.window_ms then return nil end
  local r = read_record(number)
  return r and {record = r, exact = true, comparison = {similarity = 1, containment = 1}}
end

local function add_record(story)
  local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
  local r = {
    number = number, story = story and story.story or number, story_id = story and story.story_id or article.founds,
    seen_ms = now_ms, size = article.size, source = article.source, article_id = article.id,
    rows = article.rows, sketch = article.sketch,
  }
  redis.call('SET', record_key(number), pack_record(r), 'PX', record_ttl_ms)
  return r
end

local function fill_buckets(buckets, number)
  local full = 0
  for _, bucket in ipairs(buckets) do
    if not is_stop(bucket) then
      if #bucket >= rule.bucket_entries then
        full = full + 1
      else
        local numbers = {}
        for i, member in ipairs(bucket) do numbers[i] = member.number end
        numbers[#numbers + 1] = number
        put(bucket.key, bucket.field, pack_bucket(numbers), settings.window_ms + settings.margin_ms)
      end
    end
  end
  return full
end

local function reply(decision, matched_id, replayed, trace)
  local superseded = decision.superseded or {content = '', code = '', story_id = ''}
  return {
    decision.code, decision.similarity, decision.containment, decision.decided_ms, decision.story_id, matched_id,
    superseded.content, superseded.code, superseded.story_id,
    replayed, trace.candidates, trace.stopped, trace.full, trace.indexed,
  }
end

-- What the generation before has on record of the article, and the id of the story that its text now belongs to there.
local function inherited_decision()
  local heritage = settings.heritage
  prefix, shards = heritage.prefix, heritage.shards
  local known = known_article(article)
  local decision = heritage.rehashed and known or recorded_decision(article, known)
  if decision and decision.code == 'R' then decision.superseded = superseded_by(article) end
  local copy = exact_copy()
  prefix, shards = settings.prefix, settings.shards
  return decision, copy and copy.record.story_id or decision and decision.story_id
end

local known = known_article(article)
local recorded = recorded_decision(article, known)
if recorded then
  local r = read_record(recorded.number)
  -- gone only where keys were evicted or deleted by hand: then the article is decided afresh
  if r then
    if recorded.code == 'R' then recorded.superseded = superseded_by(article) end
    return reply(recorded, r.article_id, 1, {candidates = 0, stopped = 0, full = 0, indexed = 0})
  end
end

local inherited
if ARGV[14] == '1' and settings.heritage and settings.heritage ~= cjson.null then
  local story_id
  inherited, story_id = inherited_decision()
  if not story_id then  -- forgotten there: learnt, it would be a story that nobody was told of
    local forgotten = {code = 'N', similarity = 0, containment = 0, decided_ms = now_ms, story_id = article.founds}
    return reply(forgotten, article.id, 0, {candidates = 0, stopped = 0, full = 0, indexed = 0})
  end
  article.founds = story_id
end

local late = known and article.crawled_ms > 0 and known.crawled_ms > 0 and article.crawled_ms < known.crawled_ms
local match, buckets = exact_copy(), {}
local ranked, stopped, full = {}, 0, 0
if not match and article.size > 0 then
  buckets = read_buckets()
  ranked, stopped = shortlist(buckets)
  local matches, moves = accepted(ranked), nil
  match, moves = choose(of_story(matches, known and known.story_id))
  if not match then match, moves = choose(matches) end
  for _, moved in ipairs(moves or {}) do move_record(moved, match.record) end
end

local decision = {code = 'N', similarity = 0, containment = 0, decided_ms = now_ms}
if match then
  touch_record(match.record, now_ms)
  decision.similarity = math.floor(match.comparison.similarity * 10000 + 0.5)
  decision.containment = math.floor(match.comparison.containment * 10000 + 0.5)
  decision.story_id = match.record.story_id
  if known and known.story_id == decision.story_id then
    decision.code = late and 'r' or 'R'
    if not late then
      decision.superseded = known
      remember_superseded(article, known)
    end
  elseif match.exact then
    decision.code = 'E'
  else
    decision.code = match.comparison.similarity >= rule.near and 'A' or 'P'
  end
end

local covering, indexed = match and match.record, 0
if not match or (match.comparison.similarity < rule.novel and not late) then
  covering = add_record(match and match.record)
  full = fill_buckets(buckets, covering.number)
  indexed = article.size > 0 and 1 or 0
end
decision.number = match and match.record.number or covering.number
decision.story_id = decision.story_id or article.founds
put(shard_key('t', article.content), string.sub(article.content, 1, 8), struct.pack('>I5I6', covering.number, now_ms),
  settings.window_ms + settings.margin_ms)
if inherited then
  -- a later crawl of the same must repeat the event that was told, whatever this index thinks of it; only the article
  -- that it matched is the one that covers it here
  inherited.number = decision.number
  if inherited.superseded then remember_superseded(article, inherited.superseded) end
end
remember(article, inherited or decision, known, late)
redis.call('PEXPIRE', KEYS[1], record_ttl_ms + settings.replay_ms)
return reply(decision, match and match.record.article_id or article.id, 0,
  {candidates = #ranked, stopped = stopped, full = full, indexed = indexed})
