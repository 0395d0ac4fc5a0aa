-- Merged stories, as reprise/index/redis/keys.py lists them. A chain of merges ends, because each leads to an older story.

local function merged_key(prefix, story)
  return prefix .. 'm:' .. story
end

-- Return the root of the chain that begins with a story (number and id): the story itself if it was not merged.
local function end_of_chain(prefix, story)
  local root, into = story, redis.call('GET', merged_key(prefix, string.sub(story, STORY.ID)))
  while into do
    root = into
    into = redis.call('GET', merged_key(prefix, string.sub(root, STORY.ID)))
  end
  return root
end

-- Return the root of a story: its number and id (21 bytes); nil if the story was not merged.
local function root_of(prefix, story)
  local into = redis.call('GET', merged_key(prefix, story))
  return into and end_of_chain(prefix, into) or nil
end

-- Return the id of the story into which a story was merged in the end: its own if it was not merged.
local function root_id(prefix, story)
  local root = root_of(prefix, story)
  return root and string.sub(root, STORY.ID) or story
end
