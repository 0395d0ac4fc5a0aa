-- Count the representatives within the window among some numbers, which are a sample of all numbers.
--
-- KEYS[1]  {ns}:reprise
-- ARGV     1 prefix   2 now_ms, window_ms (6 bytes each)   3 numbers (5 bytes each)   4 1 to count founders, else 0
-- Returns  {representatives within the window, those of them that founded a story which was not merged, the earliest and
--           the latest last_seen_ms of them (0 without any)}
-- Read only. A script, so that no record crosses the network.

-- @include layout
-- @include stories

local prefix = ARGV[1]
local now_ms, window_ms = struct.unpack('>I6I6', ARGV[2])
local with_founders = ARGV[4] == '1'
local representatives, founders, earliest_ms, latest_ms = 0, 0, 0, 0

for at = 1, #ARGV[3], 5 do
  local number = u40(ARGV[3], at)
  local head = redis.call('GETRANGE', prefix .. 'r:' .. number, 0, RECORD.STORY_ID + 14)
  if head ~= '' then
    local seen_ms = u48(head, RECORD.LAST_SEEN)
    if now_ms - seen_ms < window_ms then
      representatives = representatives + 1
      if with_founders and u40(head, RECORD.STORY_NUMBER) == number
        and redis.call('EXISTS', merged_key(prefix, string.sub(head, RECORD.STORY_ID))) == 0 then
        founders = founders + 1
      end
      if earliest_ms == 0 or seen_ms < earliest_ms then earliest_ms = seen_ms end
      if seen_ms > latest_ms then latest_ms = seen_ms end
    end
  end
end
return {representatives, founders, earliest_ms, latest_ms}
