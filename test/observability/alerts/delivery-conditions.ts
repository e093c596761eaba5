import { setTimeout as sleep } from 'node:timers/promises';
import { post, OTHER_SECRET, signedV1 } from '../../support/sender.js';
import type { Condition } from './condition.js';

const FEW = 4;
/** Number of half-hour scrapes in a day and more than two hours before it. */
const DAY_AND_MORE = 54;
/** Time for which a starved process is stopped, each time. */
const STALL_MS = 400;
/** Time for which a starved process runs between two stops. */
const RUN_MS = 100;

const NO_JSON = 'not JSON';

export const DELIVERY_CONDITIONS: readonly Condition[] = [
  {
    cause: 'the only replica is killed',
    alerts: ['GeminiBridgeDown'],
    async prepare(stage) {
      const bridge = await stage.bridge();
      return { begin: () => bridge.kill('SIGKILL'), repair: () => stage.bridge() };
    },
  },
  {
    cause: 'deliveries are signed with another secret',
    alerts: ['GeminiBridgeRefusalsSurge'],
    async prepare(stage) {
      const bridge = await stage.bridge();
      const traffic = stage.traffic(bridge, FEW);
      return {
        begin: () => (traffic.sign = () => signedV1({}, [OTHER_SECRET])),
        repair: () => (traffic.sign = () => signedV1()),
      };
    },
  },
  {
    cause: 'a verified delivery is not JSON',
    alerts: ['GeminiBridgeDeadLetters'],
    async prepare(stage) {
      const { url } = await stage.bridge();
      return {
        begin: () => post(`${url}/webhooks/gemini`, signedV1({ body: NO_JSON })),
      };
    },
  },
  {
    cause: 'deliveries stop after a day',
    alerts: ['GeminiBridgeNoDeliveries'],
    scrapeMinutes: 30,
    async prepare(stage) {
      const bridge = await stage.bridge();
      const traffic = stage.traffic(bridge, 4 * FEW);
      await stage.recorder.waitTicks(DAY_AND_MORE);
      return {
        begin: () => traffic.stop(),
        repair: () => stage.traffic(bridge, FEW),
      };
    },
  },
  {
    cause: 'the process gets too little CPU (SIGSTOP and SIGCONT in turn)',
    alerts: ['GeminiBridgeEventLoopLate'],
    async prepare(stage) {
      const bridge = await stage.bridge();
      const ending = new AbortController();
      const starve = async (): Promise<void> => {
        while (!ending.signal.aborted) {
          bridge.kill('SIGSTOP');
          await sleep(STALL_MS);
          bridge.kill('SIGCONT');
          await sleep(RUN_MS);
        }
      };
      return { begin: () => void starve(), repair: () => ending.abort() };
    },
  },
  {
    cause: "the only replica restarts and cannot read Google's keys",
    alerts: ['GeminiBridgeNotReady', 'GeminiBridgeJwksStale'],
    async prepare(stage) {
      const bridge = await stage.bridge();
      return {
        begin: async () => {
          stage.gemini.options.jwks = '500';
          await bridge.stop();
          await stage.unready();
        },
        repair: () => (stage.gemini.options.jwks = 'ok'),
      };
    },
  },
];
