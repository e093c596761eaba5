import type { Condition } from './condition.js';
import type { Stage } from './stage.js';

const FEW = 4;

export const DEDUPE_CONDITIONS: readonly Condition[] = [
  {
    cause: 'Redis is killed',
    alerts: ['GeminiBridgeDedupeStoreDown'],
    async prepare(stage) {
      await withRedis(stage);
      return { begin: () => stage.redis.kill(), repair: () => stage.redis.restart() };
    },
  },
  {
    cause: 'Redis hangs (SIGSTOP) with open connections',
    alerts: ['GeminiBridgeDedupeStoreDown'],
    async prepare(stage) {
      await withRedis(stage);
      return { begin: () => stage.redis.pause(), repair: () => stage.redis.resume() };
    },
  },
  {
    cause: 'more ids arrive than DEDUPE_MEMORY_MAX',
    alerts: ['GeminiBridgeDedupeEvicted'],
    async prepare(stage) {
      const bridge = await stage.bridge({
        DEDUPE_MEMORY_MAX: '50',
        DEDUPE_STORE: 'memory',
      });
      return { begin: () => stage.traffic(bridge, 50) };
    },
  },
];

async function withRedis(stage: Stage): Promise<void> {
  stage.traffic(await stage.bridge({ REDIS_URL: stage.redis.url }), FEW);
}
