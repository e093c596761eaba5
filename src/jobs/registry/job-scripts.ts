import { RENEW } from '../../infrastructure/redis/lease-scripts.js';

/** A job is a hash of its JSON and a version, which tells whether it was written since it was read. */
const VERSION = `(redis.call('HGET', KEYS[1], 'version') or '')`;

/**
 * KEYS: the job, indexes that it leaves, indexes that it is in, what leads to its id.
 * ARGV: version that was read, JSON, id, number of the indexes that it leaves, number of those
 * that it is in, their scores.
 */
const WRITE = `
local gone, there = tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('HSET', KEYS[1], 'version', (tonumber(ARGV[1]) or 0) + 1, 'job', ARGV[2])
for i = 2, 1 + gone do redis.call('ZREM', KEYS[i], ARGV[3]) end
for i = 1, there do redis.call('ZADD', KEYS[1 + gone + i], ARGV[5 + i], ARGV[3]) end
for i = 2 + gone + there, #KEYS do redis.call('SET', KEYS[i], ARGV[3]) end`;

export const JOB_SCRIPTS = {
  /** After the key of its submission the keys of a write. The JSON of the job that is there already, or ''. */
  bridgeJobAdd: `
local submission = table.remove(KEYS, 1)
local prefix = string.sub(KEYS[1], 1, #KEYS[1] - #ARGV[3])
local other = redis.call('TYPE', submission).ok == 'string' and redis.call('GET', submission)
local there = redis.call('HGET', other and prefix .. other or KEYS[1], 'job')
if there then return { there } end
${WRITE}
return { '' }`,

  /** 1: written. 0: somebody else wrote it since. */
  bridgeJobWrite: `
if ${VERSION} ~= ARGV[1] then return { 0 } end
${WRITE}
return { 1 }`,

  /** The first of the keys, so many, are deleted; of the others, which are indexes, the id is taken out. */
  bridgeJobForget: `
if ${VERSION} ~= ARGV[1] then return { 0 } end
for i = 1, #KEYS do
  if i <= tonumber(ARGV[3]) then redis.call('DEL', KEYS[i])
  else redis.call('ZREM', KEYS[i], ARGV[2]) end
end
return { 1 }`,

  /** For each its version and JSON, '' for what is not there. */
  bridgeJobsRead: `
local answers = {}
for i, key in ipairs(KEYS) do
  local read = redis.call('HMGET', key, 'version', 'job')
  answers[i] = { read[1] or '', read[2] or '' }
end
return answers`,

  /** The JSON of the job that answers a submission, or ''. */
  bridgeJobSubmitted: `
local id = redis.call('GET', KEYS[1])
return { id and redis.call('HGET', ARGV[1] .. id, 'job') or '' }`,

  /** After the index of unnamed jobs names: for each the JSON of its job or '', and how many have no name. */
  bridgeJobsNamed: `
local unnamed = redis.call('ZCARD', KEYS[1])
local answers = {}
for i = 2, #KEYS do
  local id = redis.call('GET', KEYS[i])
  answers[i - 1] = { id and redis.call('HGET', ARGV[1] .. id, 'job') or '', unnamed }
end
return answers`,

  /** Ids and JSON from an id downwards. */
  bridgeJobsList: `
local ids = redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[1], '-', 'LIMIT', 0, ARGV[2])
for i, id in ipairs(ids) do
  ids[i] = { id, redis.call('HGET', ARGV[3] .. id, 'job') or '' }
end
return ids`,

  /** JSON of the jobs with a score up to that, lowest first. */
  bridgeJobsUntil: `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local answers = {}
for _, id in ipairs(ids) do
  local job = redis.call('HGET', ARGV[3] .. id, 'job')
  if job then answers[#answers + 1] = job
  else redis.call('ZREM', KEYS[1], id) end
end
return answers`,

  /** 1: leads for so many ms from now. */
  bridgeJobsLead: RENEW,
};
