import { createHash } from 'node:crypto';

/** A Lua script that Redis runs as one atomic step. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

function script(...parts: string[]): Script {
  const source = parts.join('\n');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/*
 * A session's record is one string: `1:<latest generation>:<uses>:<sealed token>`, or `1:revoked`. The uses are up to four
 * `<generation>@<in use since, in ms>`, the latest first. It begins with the version of this format: a record of a newer one is left alone,
 * anything else that cannot be read counts as a lost write.
 */

/** The store's clock in microseconds, and in milliseconds. A test gives its own as `given`, in milliseconds. */
const CLOCK = `
local function microseconds(given)
  if given ~= '' then return tonumber(given) * 1000 end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function clock(given)
  return math.floor(microseconds(given) / 1000)
end`;

/**
 * An answer that lets something live must not come from the past. A write without effect says so: a demoted primary answers READONLY, and
 * one that is cut off from its replicas NOREPLICAS, where the operator has set `min-replicas-to-write`. Last in its script, and only where
 * nothing was written, since Redis checks `maxmemory` at the first write alone. MISCONF (the last save failed) is no sign of the past; any
 * other error is taken for one, also that of a server or an ACL rule without GETEX: nothing is accepted unfenced. Redis 6.2 puts more words
 * around these.
 */
const FENCE = `
local function staleness(...)
  local reply = redis.pcall(...)
  local reason = type(reply) == 'table' and reply.err or ''
  return reason ~= '' and not string.find(reason, 'MISCONF', 1, true) and reason
end
local function fenced(answer)
  local reason = staleness('GETEX', KEYS[1])
  return reason and redis.error_reply(reason) or answer
end`;

const RECORD = `
local function read(key)
  local record = redis.pcall('GET', key)
  if not record then return nil end
  if type(record) == 'table' then return { unreadable = record } end
  if record == '1:revoked' then return { revoked = true } end
  local version, rest = string.match(record, '^(%d+):(.*)$')
  if version and tonumber(version) > 1 then
    return { unreadable = redis.error_reply('NEWERFORMAT the record was written by a newer version') }
  end
  local latest, uses, sealed = string.match(version == '1' and rest or '', '^(%d+):([%d@,]*):(.*)$')
  -- No session has that many generations: such a number was planted.
  if not latest or #latest > 11 then return { latest = -1, uses = {}, sealed = '' } end
  local record = { latest = tonumber(latest), uses = {}, sealed = sealed }
  for generation, since in string.gmatch(uses, '(%d+)@(%d+)') do
    if #generation <= 11 and #since <= 15 then
      record.uses[#record.uses + 1] = { generation = tonumber(generation), since = tonumber(since) }
    end
  end
  return record
end
local function write(key, record, ...)
  local uses = {}
  for i, use in ipairs(record.uses) do uses[i] = string.format('%.0f@%.0f', use.generation, use.since) end
  redis.call('SET', key, string.format('1:%.0f:', record.latest) .. table.concat(uses, ',') .. ':' .. record.sealed, ...)
end
-- The first two uses are exact. The others are checkpoints, far enough apart that the last is old when it is dropped.
local function use(record, generation, revokeAfter, now)
  local uses = record.uses
  if generation <= (uses[1] and uses[1].generation or 0) then return false end
  if uses[3] and now - uses[3].since < revokeAfter then table.remove(uses, 2) end
  table.insert(uses, 1, { generation = generation, since = now })
  uses[5] = nil
  return true
end
local function newerInUseSince(record, generation)
  local since
  for _, each in ipairs(record.uses) do
    if each.generation > generation then since = each.since end
  end
  return since
end
local function writeRevoked(key, ttl)
  redis.call('SET', key, '1:revoked', 'PX', math.max(ttl, redis.call('PTTL', key)))
end`;

/*
 * A user's record is one string: `1:<cutoff in ms>`, or with an excepted session `1:<cutoff>:<floor>:<name of the session>`.
 */
const CUTOFF = `
local function writeCutoff(key, ttl, cutoff, floor, except)
  local text = string.format('1:%.0f', cutoff)
  if except ~= '' then text = text .. string.format(':%.0f:', floor) .. except end
  redis.call('SET', key, text, 'PX', math.max(tonumber(ttl), redis.call('PTTL', key)))
end
local function readCutoff(key)
  local version, cutoff, rest = string.match(redis.call('GET', key) or '', '^(%d+):(%d+)(.*)$')
  if not cutoff then return nil end
  if tonumber(version) > 1 then error('NEWERFORMAT the cutoff was written by a newer version') end
  -- No clock is that far ahead: such a number was planted.
  if #cutoff > 15 then return nil end
  local floor, except = string.match(rest, '^:(%d+):(.+)$')
  return { time = tonumber(cutoff), floor = tonumber(floor), except = except }
end
local function cutoffReply(found)
  return found and {found.time, found.floor, found.except} or {}
end
-- A key of another type holds no cutoff, and is replaced: a user's sessions must be able to end.
local function cutoffToReplace(key)
  return redis.call('TYPE', key).ok == 'string' and readCutoff(key) or nil
end`;

/** Rejects a revocation after its deadline, with `LATE` and the store's clock, since its caller was told that it failed. */
const IN_TIME = `
local function late(before, given)
  local now = clock(given)
  return now >= (tonumber(before) or math.huge) and redis.error_reply(string.format('LATE %.0f', now))
end`;

/** KEYS: record, user. Both are read before anything is decided: an end that can be read counts, even if the rest cannot be read. */
const END = `
local function endOf(record, session, rev)
  if record and record.revoked then return {'revoked', 0} end
  local user = readCutoff(KEYS[2])
  if not user or rev >= user.time then return nil end
  if user.except == session and rev >= user.floor then return nil end
  return {'revoked', user.time}
end`;

/** KEYS: record, user, the user's listed sessions by when they end, their details. The last two only of a tracked session. */
const LISTING = `
local function list(now, ttl, session, details)
  for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now))) do
    redis.call('ZREM', KEYS[3], ended)
    redis.call('HDEL', KEYS[4], ended)
  end
  if details ~= '' then redis.call('HSET', KEYS[4], session, details) end
  if redis.call('HEXISTS', KEYS[4], session) == 0 then return end
  redis.call('ZADD', KEYS[3], 'GT', string.format('%.0f', now + ttl), session)
  for i = 3, 4 do redis.call('PEXPIRE', KEYS[i], math.max(ttl, redis.call('PTTL', KEYS[i]))) end
end
local function sealedOtherwise(session, currentSeal)
  local details = currentSeal ~= '' and redis.pcall('HGET', KEYS[4], session)
  return type(details) == 'string' and string.sub(details, 1, #currentSeal) ~= currentSeal and details or nil
end`;

/**
 * KEYS: as LISTING.
 * ARGV: name of the session, rev, generation, candidate or '', its time to live in ms, rejected or '', the clock or '', details or '', the
 * first bytes of current details or ''; under reuse detection also grace, revokeAfter, expiredFor and waited in ms, isUse or '', time to live
 * of a revoked record in ms or '', before when it may be written or ''.
 * The rules are those of `SessionStore.rotate`, in the same order.
 */
export const ROTATE = script(
  CLOCK,
  FENCE,
  IN_TIME,
  RECORD,
  CUTOFF,
  END,
  LISTING,
  `
local session, rev, generation, candidate, ttl, rejected = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]
local grace, revokeAfter, isUse, revokeFor = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[14] == '1', tonumber(ARGV[15])
local tracked = #KEYS == 4
local record = read(KEYS[1])
local ended = endOf(record, session, rev)
if ended then return ended end
if record and record.unreadable then return record.unreadable end
local begins = generation < 0 and candidate ~= ''
if tracked and not record and not begins then return {'revoked', 0} end
local latest, now = record and record.latest or 0, clock(ARGV[7])
local repeated = record and latest > generation and candidate ~= '' and record.sealed == candidate
local since = grace and record and latest > generation and not repeated and newerInUseSince(record, generation)
if since then
  local age, waited = math.min(tonumber(ARGV[12]), now - since), tonumber(ARGV[13])
  if age - waited >= revokeAfter then
    local late = revokeFor and late(ARGV[16], ARGV[7])
    if late then return late end
    if revokeFor then writeRevoked(KEYS[1], revokeFor) end
    return {'reused', latest}
  end
  if age - math.min(waited, revokeAfter) >= grace then return {'superseded', latest} end
end
local superseded = record and (latest > generation or latest == generation and rejected ~= '' and record.sealed ~= rejected)
local answer = repeated and {'rotated', 0, sealedOtherwise(session, ARGV[9])} or superseded and {'handed-over', latest, record.sealed} or candidate == '' and {'current'}
if answer then
  if not record or latest < 0 or not isUse or not use(record, generation, revokeAfter, now) then return fenced(answer) end
  write(KEYS[1], record, 'KEEPTTL')
  return answer
end
local successor = { latest = generation + 1, uses = record and record.uses or {}, sealed = candidate }
if isUse then use(successor, generation, revokeAfter, now) end
write(KEYS[1], successor, 'PX', math.max(ttl, redis.call('PTTL', KEYS[1])))
-- A session that cannot be listed does not begin. A refresh succeeds all the same: it matters more than a place in a list.
if tracked and begins then list(now, ttl, session, ARGV[8]) elseif tracked then pcall(list, now, ttl, session, '') end
return {'rotated', latest < generation and 1 or 0, sealedOtherwise(session, ARGV[9])}
`,
);

/** KEYS: record. ARGV: a generation that is in use, revokeAfter in ms, the clock or ''. */
export const RECORD_USE = script(
  CLOCK,
  RECORD,
  `
local record = read(KEYS[1])
if record and record.unreadable then return record.unreadable end
if not record or record.revoked or record.latest < 0 then return end
if use(record, tonumber(ARGV[1]), tonumber(ARGV[2]), clock(ARGV[3])) then write(KEYS[1], record, 'KEEPTTL') end
`,
);

/** KEYS: record. ARGV: time to live of the revoked record in ms, before when it may be written or '', the clock or ''. */
export const REVOKE = script(
  CLOCK,
  IN_TIME,
  RECORD,
  `
local late = late(ARGV[2], ARGV[3])
if late then return late end
writeRevoked(KEYS[1], tonumber(ARGV[1]))
`,
);

/** KEYS: record, user. ARGV: name of the session, rev, tracked or ''. A script, because a plain GET may be answered by a replica. */
export const IS_REVOKED = script(
  FENCE,
  RECORD,
  CUTOFF,
  END,
  `
local record = read(KEYS[1])
if endOf(record, ARGV[1], tonumber(ARGV[2])) then return 1 end
if record and record.unreadable then return record.unreadable end
if not record and ARGV[3] ~= '' then return 1 end
return fenced(0)
`,
);

/** KEYS: user. Returns the cutoff, and floor and name of the excepted session where there is one; nothing without a cutoff. */
export const USER_CUTOFF = script(
  FENCE,
  CUTOFF,
  `
return fenced(cutoffReply(readCutoff(KEYS[1])))
`,
);

/** KEYS: user. ARGV: time to live in ms, name of the excepted session or '', the clock or '', before when it may be written or ''. Returns as USER_CUTOFF. */
export const REVOKE_USER = script(
  CLOCK,
  IN_TIME,
  CUTOFF,
  `
local late = late(ARGV[4], ARGV[3])
if late then return late end
local before, except = cutoffToReplace(KEYS[1]), ARGV[2]
local cutoff = math.max(clock(ARGV[3]), (before and before.time or 0) + 1)
local floor = before and (before.except == except and before.floor or before.time) or 0
writeCutoff(KEYS[1], ARGV[1], cutoff, floor, except)
if except == '' then return {cutoff} end
return {cutoff, floor, except}
`,
);

/**
 * KEYS: user. ARGV: time to live in ms, a cutoff that the user once had, its floor and the name of the excepted session, or ''. Writes
 * also what stands there already: to `WAIT`, only what a connection has written itself counts.
 */
export const RAISE_CUTOFF = script(
  CUTOFF,
  `
local found, latest = cutoffToReplace(KEYS[1]), { time = tonumber(ARGV[2]), floor = tonumber(ARGV[3]), except = ARGV[4] }
if found and found.time > latest.time then latest = found end
writeCutoff(KEYS[1], ARGV[1], latest.time, latest.floor, latest.except or '')
`,
);

/*
 * The log is a sorted set of entries by their positions, `s:<session>` or `u:<user>:<cutoff>:<floor>:<except>`. Two members say by their
 * negative scores how long entries, and records and cutoffs, are kept: the longest that any process ever asked for, which lasts as long.
 */
const LOG = `
local OVERLAP = 60000000
local function longest(name)
  return -tonumber(redis.call('ZSCORE', KEYS[1], name) or 0)
end
local function announce(name, given)
  local most = math.max(tonumber(given), longest(name))
  redis.call('ZADD', KEYS[1], string.format('%.0f', -most), name)
  return most
end`;

/**
 * KEYS: log. ARGV: channel, how long entries are kept in ms, and records, the clock or '', entries.
 * Returns the reason if the notification failed, else ''.
 */
export const APPEND = script(
  CLOCK,
  LOG,
  `
local now = microseconds(ARGV[4])
local last = redis.call('ZREVRANGEBYSCORE', KEYS[1], string.format('%.0f', now + OVERLAP), 0, 'WITHSCORES', 'LIMIT', 0, 1)
local position = math.max(now, tonumber(last[2] or 0) + 1)
for i = 5, #ARGV do redis.call('ZADD', KEYS[1], string.format('%.0f', position + i - 5), ARGV[i]) end
local kept = announce('#', ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, string.format('%.0f', now - kept * 1000))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(announce('#record', ARGV[3]), kept)))
if #ARGV < 5 then return '' end
local told = redis.pcall('PUBLISH', ARGV[1], '')
return type(told) == 'table' and told.err or ''
`,
);

/**
 * KEYS: log. ARGV: the position before the page, that from which entries are counted, how many are a page, the clock or ''.
 * Returns the clock, the count, the longest times for entries and for records, entries and positions in turn, and why all of it may be
 * stale. What is too old is removed by a command that says so too: it is a write, with or without effect.
 */
export const REVOCATIONS_AFTER = script(
  CLOCK,
  FENCE,
  LOG,
  `
local now, kept = microseconds(ARGV[4]), longest('#')
local oldest = kept > 0 and now - kept * 1000 or -1
local function after(position)
  return string.format('(%.0f', math.max(tonumber(position), oldest))
end
local count = redis.call('ZCOUNT', KEYS[1], after(ARGV[2]), '+inf')
local entries = redis.call('ZRANGEBYSCORE', KEYS[1], after(ARGV[1]), '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local stale = staleness('ZREMRANGEBYSCORE', KEYS[1], 0, string.format('%.0f', oldest))
return {math.floor(now / 1000), count, kept, longest('#record'), entries, stale or ''}
`,
);

/** KEYS: announcements by when they end. ARGV: one, its time to live in ms, the clock or ''. Returns those that have not ended. */
export const ANNOUNCE_KEYS = script(
  CLOCK,
  `
local now, ttl = clock(ARGV[3]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + ttl), ARGV[1])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, redis.call('PTTL', KEYS[1]))))
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf')
`,
);

/**
 * KEYS: user, the user's listed sessions by when they end, their details, and the beginning of the keys of the user's records, which
 * all lie in the same slot. ARGV: the clock or '', how many sessions are a page, how many are listed, and of the last session of the page
 * before when it ended and its name, or ''. Returns details, latest generation and sealed token of each session in turn; when the last one
 * ends and its name, if there may be more; and the cutoff, as USER_CUTOFF.
 */
export const LISTED_SESSIONS = script(
  CLOCK,
  FENCE,
  RECORD,
  CUTOFF,
  `
local page, most, score, name = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local first
if score == '' then
  local over = redis.call('ZCOUNT', KEYS[2], '-inf', string.format('%.0f', clock(ARGV[1])))
  first = math.max(over, redis.call('ZCARD', KEYS[2]) - most)
elseif redis.call('ZSCORE', KEYS[2], name) == score then
  first = redis.call('ZRANK', KEYS[2], name) + 1
else
  -- That session was refreshed or removed meanwhile. Sessions that end at the same moment may come twice.
  first = redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. score)
end
local listed = redis.call('ZRANGE', KEYS[2], first, first + page - 1, 'WITHSCORES')
local sessions = {}
for i = 1, #listed, 2 do
  local record = read(KEYS[4] .. string.match(listed[i], '[^.]*$'))
  if record and record.unreadable then return record.unreadable end
  local details = redis.call('HGET', KEYS[3], listed[i])
  if record and not record.revoked and details then
    for _, part in ipairs({details, record.latest, record.sealed}) do sessions[#sessions + 1] = part end
  end
end
local next = {}
if #listed == 2 * page then next = {listed[#listed], listed[#listed - 1]} end
return fenced({sessions, next, cutoffReply(readCutoff(KEYS[1]))})
`,
);

/** KEYS: the details of the user's listed sessions. ARGV: name of the session, the details that are replaced, the new ones. */
export const REPLACE_DETAILS = script(`
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
`);
