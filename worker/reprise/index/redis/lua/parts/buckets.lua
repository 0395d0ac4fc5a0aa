-- The buckets of a band are stored in shards: strings of entries, oldest first, padded with zeros.

-- Return the shards of an article's bands, and their keys. `shards` has four bytes a band.
local function read_shards(prefix, shards)
  local bands = #shards / 4
  local numbers = {struct.unpack('>' .. string.rep('I4', bands), shards)}
  local names = {}
  for band = 1, bands do names[band] = bucket_key(prefix, band, numbers[band]) end
  return redis.call('MGET', unpack(names)), names
end

-- Call `visit` with the number of each entry of one bucket, as its five packed bytes.
local function each_entry(shard, fragment, visit)
  local at = string.find(shard, fragment, 1, true)
  while at do
    -- padding equals entries whose fragment is zero, except that its last byte is 0
    if (at - 1) % ENTRY.BYTES == 0 and string.byte(shard, at + ENTRY.BYTES - 1) ~= 0 then
      visit(string.sub(shard, at + ENTRY.FRAGMENT_BYTES, at + ENTRY.BYTES - 1))
    end
    at = string.find(shard, fragment, at + 1, true)
  end
end

local function fragment_of(fragments, band)
  return string.sub(fragments, ENTRY.FRAGMENT_BYTES * band - 2, ENTRY.FRAGMENT_BYTES * band)
end

local function number_of(packed)
  return (u40(packed, 1) - 1) / 2
end

-- Return the bytes of the entries in a shard, by binary search. The last byte of an entry is never 0, that of padding is.
local function used_bytes(shard)
  local low, high = 0, #shard / ENTRY.BYTES
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if string.byte(shard, ENTRY.BYTES * middle) ~= 0 then low = middle else high = middle - 1 end
  end
  return ENTRY.BYTES * low
end

-- Return the padded size of a shard with `bytes` of entries: the size that the allocator reserves for it anyway. The size
-- classes of jemalloc are multiples of 16 bytes up to 128, then four for each doubling. A string has up to 6 bytes of
-- overhead before and after its content.
local function padded_bytes(bytes)
  local needed, step = bytes + ENTRY.BYTES, 16
  while step * 8 < needed do step = step * 2 end
  return math.ceil(needed / step) * step - ENTRY.BYTES
end

local function padded(entries)
  return entries .. string.rep('\0', padded_bytes(#entries) - #entries)
end
