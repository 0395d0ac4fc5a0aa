-- A decision as it is recorded: code 1, similarity I2, containment I2, decided_ms I6, number I5; a revision adds what
-- it supersedes: content hash 16, code 1, number I5. In 'a' crawl time I6 and content hash 16 stand before it, in 'v' the
-- time I6 at which it was superseded. The longest has 60 bytes: a listpack takes 64.

local function pack_decision(d)
  local packed = struct.pack('>c1I2I2I6I5', d.code, d.similarity, d.containment, d.decided_ms, d.number)
  local s = d.superseded
  return s and packed .. struct.pack('>c16c1I5', s.content, s.code, s.number) or packed
end

local function unpack_decision(raw, at)
  local d = {}
  d.code, d.similarity, d.containment, d.decided_ms, d.number, at = struct.unpack('>c1I2I2I6I5', raw, at)
  if #raw >= at then
    local s = {}
    s.content, s.code, s.number = struct.unpack('>c16c1I5', raw, at)
    d.superseded = s
  end
  return d
end

-- one text of one article, in 'v'
local function version_field(article, content)
  return article.field .. string.sub(content, 1, 8)
end

-- the latest decision of the article's id, with its content hash and crawl time
local function known_article(article)
  local raw = redis.call('HGET', shard_key('a', article.field), article.field)
  if not raw then return nil end
  local crawled_ms, content, at = struct.unpack('>I6c16', raw)
  local known = unpack_decision(raw, at)
  if now_ms - known.decided_ms >= settings.record_ms then return nil end
  known.crawled_ms, known.content = crawled_ms, content
  return known
end

local function recorded_decision(article, known)
  if known and known.content == article.content then return known end
  local field = version_field(article, article.content)
  local raw = redis.call('HGET', shard_key('v', field), field)
  if not raw then return nil end
  local superseded_ms, at = struct.unpack('>I6', raw)
  if now_ms - superseded_ms >= settings.replay_ms then return nil end
  return unpack_decision(raw, at)
end

local function remember_version(field, decision)
  put(shard_key('v', field), field, struct.pack('>I6', now_ms) .. pack_decision(decision),
    settings.replay_ms + settings.margin_ms)
end

-- A late crawl is recorded as superseded from the start: it never replaces the newer one.
local function remember(article, decision, known, late)
  if late then return remember_version(version_field(article, article.content), decision) end
  if known then remember_version(version_field(article, known.content), known) end
  put(shard_key('a', article.field), article.field,
    struct.pack('>I6c16', article.crawled_ms, article.content) .. pack_decision(decision),
    settings.record_ms + settings.margin_ms)
end
