-- Merged stories, as reprise/index/redis/keys.py lists them. A chain of merges ends, because each leads to an older story.

local function merged_key(prefix, story)
  return prefix .. 'm:' .. story
end

-- Return the root of the chain that begins with a story (number and id): the story itself if it was not merged.
--
-- known  roots by story, for calls between which nothing is written: chains of many stories have parts in common
local function end_of_chain(prefix, story, known)
  local root, passed = story, {}
  while true do
    local into = known and known[root] or redis.call('GET', merged_key(prefix, string.sub(root, STORY.ID)))
    if not into or into == root then break end
    passed[#passed + 1] = root
    root = into
  end
  if known then
    for _, each in ipairs(passed) do known[each] = root end
    known[root] = root
  end
  return root
end

-- Return the root of a story: its number and id (21 bytes); nil if the story was not merged. `known` as above.
local function root_of(prefix, story, known)
  local into = redis.call('GET', merged_key(prefix, story))
  return into and end_of_chain(prefix, into, known) or nil
end

-- Return the id of the story into which a story was merged in the end: its own if it was not merged. `known` as above.
local function root_id(prefix, story, known)
  local root = root_of(prefix, story, known)
  return root and string.sub(root, STORY.ID) or story
end
