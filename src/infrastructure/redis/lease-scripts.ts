import { inChunks } from './coalesce.js';
import type { RedisScripts } from './redis-scripts.js';

/** Script: deletes the keys that ARGV[1] holds. */
export const RELEASE = `
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return KEYS`;

/**
 * Script: extends the keys that ARGV[1] holds to ARGV[2] ms, and acquires missing ones again.
 * Answers 1 for each key that ARGV[1] holds now, else 0.
 */
export const RENEW = `
local held = {}
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if not holder or holder == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    held[i] = 1
  else held[i] = 0 end
end
return held`;

/**
 * Runs `RENEW` in chunks. @returns for each key whether the holder has it.
 *
 * @throws {RedisUnavailableError} when all chunks failed. Keys of a failed chunk are not held.
 */
export async function renewLeases<Name extends string>(
  redis: RedisScripts<Name>,
  name: Name,
  keys: readonly string[],
  holder: string,
  leaseMs: number,
): Promise<boolean[]> {
  const chunks = inChunks(keys);
  const results = await Promise.allSettled(
    chunks.map((chunk) => redis.run<number>(name, chunk, holder, leaseMs)),
  );
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length === results.length && failed[0]) throw failed[0].reason;
  return results.flatMap((result, i) =>
    result.status === 'fulfilled'
      ? result.value.map((answer) => answer === 1)
      : (chunks[i] ?? []).map(() => false),
  );
}
