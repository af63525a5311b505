/**
 * The counters in Redis. Each is a hash `s` settled, `h` held, `e` end of its window (Unix ms, 0: never), beside a sorted set of
 * what is held: `<amount>:<reservation>` by expiry. Lua prints big numbers as 1e+15, so amounts are written with `int`.
 * All keys share one hash tag: a script must find all counters of a call on one node.
 */
const shared = `
local function int(number) return string.format('%.0f', number) end
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function current_end(first, second, third, now)
  if first > now then return first end
  if second > now then return second end
  return third
end
-- Moves a counter to the window that the moment is in.
local function turn(counter, window, first, second, third, now)
  if window == 'none' then
    if counter.e ~= 0 and counter.e <= now then counter.s = 0 end
    counter.e = 0
  elseif window == 'rolling' then
    if counter.e <= now then
      counter.s = 0
      counter.e = now + first
    end
  else
    if counter.e ~= 0 and counter.e <= now then counter.s = 0 end
    counter.e = current_end(first, second, third, now)
  end
end
local function expire(key, counter, kind, now, ttl)
  local last = now + ttl * 2
  if kind == 'budget' and counter.e == 0 then last = now + 86400000 end
  if counter.e > last then last = counter.e end
  redis.call('PEXPIREAT', key, int(last + 1000))
  if kind == 'parallel' or kind == 'budget' then redis.call('PEXPIREAT', key .. ':holds', int(last + 1000)) end
end
local function write(key, counter)
  redis.call('HSET', key, 's', int(counter.s), 'h', int(counter.h), 'e', int(counter.e))
end
`

/** ARGV: id, ttl, then per counter: kind, limit, amount, window, three numbers of the window, seed, end of the seed. */
export const reserveScript = `${shared}
local now = clock()
local id, ttl = ARGV[1], tonumber(ARGV[2])
local counters, cold = {}, {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 9
  local kind = ARGV[at + 1]
  local found = redis.call('HMGET', key, 's', 'h', 'e')
  local counter = {
    kind = kind, limit = tonumber(ARGV[at + 2]), amount = tonumber(ARGV[at + 3]),
    s = tonumber(found[1]) or 0, h = tonumber(found[2]) or 0, e = tonumber(found[3]) or 0
  }
  if not found[1] then
    redis.call('DEL', key .. ':holds')
    if kind == 'budget' then
      if ARGV[at + 8] == '' then
        cold[#cold + 1] = i - 1
      else
        counter.s = tonumber(ARGV[at + 8])
        counter.e = tonumber(ARGV[at + 9])
      end
    end
  end
  if counter.h > 0 then
    local dead = redis.call('ZRANGEBYSCORE', key .. ':holds', '-inf', int(now))
    if #dead > 0 then
      for _, member in ipairs(dead) do counter.h = counter.h - tonumber(string.match(member, '^%d+')) end
      if counter.h < 0 then counter.h = 0 end
      redis.call('ZREMRANGEBYSCORE', key .. ':holds', '-inf', int(now))
      redis.call('HSET', key, 'h', int(counter.h))
    end
  end
  turn(counter, ARGV[at + 4], tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), now)
  counters[i] = counter
end
if #cold > 0 then return { 2, now, unpack(cold) } end
for i, counter in ipairs(counters) do
  local used = counter.s + counter.h
  local fits = used < counter.limit
  if counter.kind == 'requests' or counter.kind == 'parallel' then fits = used + counter.amount <= counter.limit end
  if not fits then return { 0, now, i - 1, used, counter.h, counter.e } end
end
local answer = { 1, now }
for i, counter in ipairs(counters) do
  local key = KEYS[i]
  if counter.kind == 'parallel' or counter.kind == 'budget' then
    counter.h = counter.h + counter.amount
    redis.call('ZADD', key .. ':holds', int(now + ttl), int(counter.amount) .. ':' .. id)
  else
    counter.s = counter.s + counter.amount
  end
  write(key, counter)
  expire(key, counter, counter.kind, now, ttl)
  answer[#answer + 1] = math.max(0, counter.limit - counter.s - counter.h)
  answer[#answer + 1] = counter.e
end
return answer
`

/**
 * ARGV per counter: id, kind, amount, used, end of the window it was taken in, window, three numbers, `1` to only give back.
 * A counter that is gone stays gone: whoever needs it next makes it from the store.
 */
export const settleScript = `${shared}
local now = clock()
local repeated = ARGV[1] == '1'
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * 10
  local kind, amount, used = ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local found = redis.call('HMGET', key, 's', 'h', 'e')
  if found[1] then
    local counter = { s = tonumber(found[1]), h = tonumber(found[2]), e = tonumber(found[3]) }
    if kind == 'parallel' or kind == 'budget' then
      if redis.call('ZREM', key .. ':holds', int(amount) .. ':' .. ARGV[at + 1]) == 1 then
        counter.h = math.max(0, counter.h - amount)
        if kind == 'budget' and ARGV[at + 10] ~= '1' then
          turn(counter, ARGV[at + 6], tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8]), tonumber(ARGV[at + 9]), now)
          counter.s = counter.s + used
        end
        write(key, counter)
      end
    elseif not repeated and counter.e == tonumber(ARGV[at + 5]) and counter.e > now then
      counter.s = math.max(0, counter.s + used - amount)
      redis.call('HSET', key, 's', int(counter.s))
    end
  end
end
return now
`

/** ARGV: ttl, then per counter: id, amount. */
export const renewScript = `${shared}
local now = clock()
local ttl = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local at = 1 + (i - 1) * 2
  redis.call('ZADD', key .. ':holds', 'XX', int(now + ttl), int(tonumber(ARGV[at + 2])) .. ':' .. ARGV[at + 1])
  for _, name in ipairs({ key, key .. ':holds' }) do
    if redis.call('PTTL', name) < ttl * 2 then redis.call('PEXPIRE', name, int(ttl * 2)) end
  end
end
return now
`

/** ARGV per counter: what was spent, end of its window. */
export const raiseScript = `${shared}
for i, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 's', 'h', 'e')
  if found[1] and tonumber(found[3]) == tonumber(ARGV[i * 2]) then
    local spent = tonumber(ARGV[i * 2 - 1])
    if tonumber(found[1]) + tonumber(found[2]) < spent then
      redis.call('HSET', key, 's', int(math.max(0, spent - tonumber(found[2]))))
    end
  end
end
return clock()
`

export const setBudgetScript = `${shared}
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 's', int(tonumber(ARGV[1]))) end
return clock()
`
