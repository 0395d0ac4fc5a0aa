-- reprise/decision.py, shortlist and choose: the same steps on the same numbers.

local function is_stop(bucket)
  if #bucket < rule.stop_stories then return false end
  local stories, count = {}, 0
  for _, member in ipairs(bucket) do
    if not stories[member.story] then
      stories[member.story] = true
      count = count + 1
    end
  end
  return count >= rule.stop_stories
end

local function shortlist(buckets)
  local shared, ranked, stopped = {}, {}, 0
  for _, bucket in ipairs(buckets) do
    if is_stop(bucket) then
      stopped = stopped + 1
    else
      for _, member in ipairs(bucket) do
        if not shared[member.number] then
          shared[member.number] = {number = member.number, story = member.story, bands = 0}
          ranked[#ranked + 1] = shared[member.number]
        end
        shared[member.number].bands = shared[member.number].bands + 1
      end
    end
  end
  table.sort(ranked, function(a, b)
    if a.bands ~= b.bands then return a.bands > b.bands end
    if a.story ~= b.story then return a.story < b.story end
    return a.number < b.number
  end)
  for i = #ranked, rule.candidates + 1, -1 do ranked[i] = nil end
  return ranked, stopped
end

local function before(a, b)
  if a.comparison.copied ~= b.comparison.copied then return a.comparison.copied > b.comparison.copied end
  if a.record.story ~= b.record.story then return a.record.story < b.record.story end
  return a.record.number < b.record.number
end

local function is_strong(match)
  return not match.same_source and match.comparison.copied >= rule.older_share
end

-- story number -> how many sources support it strongly
local function supporters(matches)
  local seen, counts = {}, {}
  for _, match in ipairs(matches) do
    local r = match.record
    local name = r.story .. ' ' .. (r.source ~= NO_SOURCE and r.source or '#' .. r.number)
    if is_strong(match) and not seen[name] then
      seen[name] = true
      counts[r.story] = (counts[r.story] or 0) + 1
    end
  end
  return counts
end

local function best_of(matches, story)
  local best = nil
  for _, match in ipairs(matches) do
    if (not story or match.record.story == story) and (not best or before(match, best)) then best = match end
  end
  return best
end

-- the match whose story is joined, and the records that move to that story; nil where none is accepted
local function choose(matches)
  local best = best_of(matches)
  if not best then return nil end
  local story, moves = best.record.story, {}
  for number, count in pairs(supporters(matches)) do
    if count >= rule.older_sources and number < story then story = number end
  end
  if story == best.record.story then return best, moves end
  for _, match in ipairs(matches) do
    if match.record.story > story and is_strong(match) then moves[#moves + 1] = match.record end
  end
  return best_of(matches, story), moves
end
