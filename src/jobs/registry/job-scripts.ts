import { RENEW } from '../../infrastructure/redis/lease-scripts.js';

/** A job is a hash of its JSON and a version number, for optimistic locking. */
const VERSION = `(redis.call('HGET', KEYS[1], 'version') or '')`;

/**
 * Stores a job and its indexes.
 *
 * KEYS: job, indexes that it leaves, indexes that it is in, keys that hold its id.
 * ARGV: version that was read, JSON, id, number of indexes that it leaves, number of indexes that
 * it is in, scores of the latter.
 */
const WRITE = `
local gone, there = tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'version', (tonumber(ARGV[1]) or 0) + 1, 'job', ARGV[2])
for i = 2, 1 + gone do redis.call('ZREM', KEYS[i], ARGV[3]) end
for i = 1, there do redis.call('ZADD', KEYS[1 + gone + i], ARGV[5 + i], ARGV[3]) end
for i = 2 + gone + there, #KEYS do redis.call('SET', KEYS[i], ARGV[3]) end`;

export const JOB_SCRIPTS = {
  /** KEYS: submission, then those of a write. Returns the JSON of an earlier job, or '' after a write. */
  bridgeJobAdd: `
local submission = table.remove(KEYS, 1)
local prefix = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[3])
local other = redis.call('TYPE', submission).ok == 'string' and redis.call('GET', submission)
local there = redis.call('HGET', other and prefix .. other or KEYS[1], 'job')
if there then return { there } end
${WRITE}
return { '' }`,

  /** Returns 1, or 0 if another replica wrote the job since it was read. */
  bridgeJobWrite: `
if ${VERSION} ~= ARGV[1] then return { 0 } end
${WRITE}
return { 1 }`,

  /** Deletes the first ARGV[3] keys, and removes the id ARGV[2] from the other keys, the indexes. */
  bridgeJobForget: `
if ${VERSION} ~= ARGV[1] then return { 0 } end
for i = 1, #KEYS do
  if i <= tonumber(ARGV[3]) then redis.call('DEL', KEYS[i])
  else redis.call('ZREM', KEYS[i], ARGV[2]) end
end
return { 1 }`,

  /** Returns version and JSON of each key; '' for a missing job. */
  bridgeJobsRead: `
local answers = {}
for i, key in ipairs(KEYS) do
  local read = redis.call('HMGET', key, 'version', 'job')
  answers[i] = { read[1] or '', read[2] or '' }
end
return answers`,

  /** Returns the JSON of the job of a submission key, or ''. */
  bridgeJobSubmitted: `
local id = redis.call('GET', KEYS[1])
return { id and redis.call('HGET', ARGV[1] .. id, 'job') or '' }`,

  /** KEYS: index of unnamed jobs, then names. Returns the JSON of each name's job or '', and the size of the index. */
  bridgeJobsNamed: `
local unnamed = redis.call('ZCARD', KEYS[1])
local answers = {}
for i = 2, #KEYS do
  local id = redis.call('GET', KEYS[i])
  answers[i - 1] = { id and redis.call('HGET', ARGV[1] .. id, 'job') or '', unnamed }
end
return answers`,

  /** Returns ids and JSON in descending order of the ids, from ARGV[1]. */
  bridgeJobsList: `
local ids = redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[1], '-', 'LIMIT', 0, ARGV[2])
for i, id in ipairs(ids) do
  ids[i] = { id, redis.call('HGET', ARGV[3] .. id, 'job') or '' }
end
return ids`,

  /** Returns the JSON of the jobs with a score up to ARGV[1], lowest first. */
  bridgeJobsUntil: `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local answers = {}
for _, id in ipairs(ids) do
  local job = redis.call('HGET', ARGV[3] .. id, 'job')
  if job then answers[#answers + 1] = job
  else redis.call('ZREM', KEYS[1], id) end
end
return answers`,

  /**
   * KEYS: index of a state, indexes of its kinds. Returns the sizes of the latter.
   *
   * A version without these indexes leaves ids in them when it moves or deletes a job. The script
   * removes such ids from the oldest ones, a few at each call.
   */
  bridgeJobsCount: `
local counts = {}
for i = 2, #KEYS do
  for _, id in ipairs(redis.call('ZRANGE', KEYS[i], 0, 9)) do
    if not redis.call('ZSCORE', KEYS[1], id) then redis.call('ZREM', KEYS[i], id) end
  end
  counts[i - 1] = redis.call('ZCARD', KEYS[i])
end
return counts`,

  /**
   * KEYS: index of ended jobs, indexes of open states. Returns the oldest open id of each state. It
   * looks for it among the first ARGV[1] ids, because jobs that were given up stay in their state.
   */
  bridgeJobsOldest: `
local oldest = {}
for i = 2, #KEYS do
  for _, id in ipairs(redis.call('ZRANGE', KEYS[i], 0, ARGV[1] - 1)) do
    if not redis.call('ZSCORE', KEYS[1], id) then
      oldest[#oldest + 1] = id
      break
    end
  end
end
return oldest`,

  /** Returns 1 if the holder has the lease of the leader for ARGV[2] ms from now. */
  bridgeJobsLead: RENEW,
};
