-- worker/decision.py, shortlist and best_match: the same steps on the same numbers.

local function is_stop(bucket)
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

-- story number -> true, where representatives from enough sources support the story strongly
local function supported(accepted)
  local sources, counts = {}, {}
  for _, match in ipairs(accepted) do
    if not match.same_source and match.comparison.copied >= rule.older_share then
      local r = match.record
      local source = r.source ~= NO_SOURCE and r.source or ('#' .. r.number)
      local name = r.story .. ' ' .. source
      if not sources[name] then
        sources[name] = true
        counts[r.story] = (counts[r.story] or 0) + 1
      end
    end
  end
  return counts
end

local function best_match(matches, only_story)
  local accepted, best = {}, nil
  for _, match in ipairs(matches) do
    if match.accepted and (not only_story or match.record.story == only_story) then
      accepted[#accepted + 1] = match
      if not best or before(match, best) then best = match end
    end
  end
  if not best then return nil end
  local story = best.record.story
  for number, count in pairs(supported(accepted)) do
    if count >= rule.older_sources and number < story then story = number end
  end
  if story == best.record.story then return best end
  best = nil
  for _, match in ipairs(accepted) do
    if match.record.story == story and (not best or before(match, best)) then best = match end
  end
  return best
end
