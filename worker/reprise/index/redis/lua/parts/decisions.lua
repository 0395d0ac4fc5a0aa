-- A decision as it is recorded: code 1, similarity I2, containment I2, decided_ms I6, number I5, story id 16. In 'a' the
-- crawl time I6 and the content hash 16 stand before it (54 bytes in all), in 'v' the time I6 at which it was superseded.
-- What a revision supersedes is apart, in 'p': when I6, content hash 16, code 1, story id 16. A listpack takes values up to 64 bytes.

local DECISION = '>c1I2I2I6I5c16'

local function pack_decision(d)
  return struct.pack(DECISION, d.code, d.similarity, d.containment, d.decided_ms, d.number, d.story_id)
end

local function unpack_decision(raw, at)
  local d = {}
  d.code, d.similarity, d.containment, d.decided_ms, d.number, d.story_id = struct.unpack(DECISION, raw, at)
  return d
end

-- one text of one article, in 'v' and 'p'
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

-- what the article's text, a revision, supersedes
local function superseded_by(article)
  local field = version_field(article, article.content)
  local raw = redis.call('HGET', shard_key('p', field), field)
  if not raw then return nil end
  local s = {}
  s.decided_ms, s.content, s.code, s.story_id = struct.unpack('>I6c16c1c16', raw)
  return s
end

local function remember_superseded(article, known)
  local field = version_field(article, article.content)
  put(shard_key('p', field), field, struct.pack('>I6c16c1c16', now_ms, known.content, known.code, known.story_id),
    settings.record_ms + settings.replay_ms + settings.margin_ms)
end

local function remember_version(field, decision)
  put(shard_key('v', field), field, struct.pack('>I6', now_ms) .. pack_decision(decision),
    settings.replay_ms + settings.margin_ms)
end

-- A late crawl is recorded as superseded from the start: it never replaces the newer one.
local function remember(article, decision, known, late)
  if late then return remember_version(version_field(article, article.content), decision) end
  if known then
    remember_version(version_field(article, known.content), known)
    -- the superseded decision names this record, and may outlive what else keeps it
    redis.call('PEXPIRE', record_key(known.number), settings.record_ms + settings.margin_ms)
  end
  put(shard_key('a', article.field), article.field,
    struct.pack('>I6c16', article.crawled_ms, article.content) .. pack_decision(decision),
    settings.record_ms + settings.margin_ms)
end
