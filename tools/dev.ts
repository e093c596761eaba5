import { setTimeout as sleep } from 'node:timers/promises';
import type { BridgeProcess } from '../packages/testbed/src/bridge.js';
import { keepUntilSignal } from '../packages/testbed/src/process/command-line.js';
import { toStderr } from '../packages/testbed/src/process/log.js';
import { startDevStack, type DevStack } from '../packages/testbed/src/dev-stack.js';

/** The bridge's own defaults, and one for the emulator; a port that is taken is replaced. */
const PORTS = { public: 8080, internal: 8081, gemini: 8090 };
const LOG_POLL_MS = 200;

const USAGE = `Starts a Kafka, a Gemini emulator and the bridge, prints what to try, and keeps them until Ctrl-C.

  npm run dev

  KAFKA_BROKERS, REDIS_URL: used instead of a broker started here and of the memory store`;

await keepUntilSignal(USAGE, async () => {
  const stack = await startDevStack({ ports: PORTS });
  const state: State = { stopping: false };
  void showLog(stack.bridge, state);
  void endWith(stack.bridge, state);
  return {
    address: guide(stack),
    stop() {
      state.stopping = true;
      return stack.stop();
    },
  };
});

interface State {
  stopping: boolean;
}

/** Without the bridge there is nothing to keep. */
async function endWith({ exited }: BridgeProcess, state: State): Promise<void> {
  const { code, signal } = await exited;
  if (state.stopping) return;
  toStderr(`the bridge ended by itself (${signal ?? `exit code ${code}`})`);
  process.exitCode = 1;
  process.kill(process.pid, 'SIGTERM');
}

/** The bridge's log on stderr. Its lines are a window that moves on, so the place in it is found by the last line shown. */
async function showLog({ lines }: BridgeProcess, state: State): Promise<void> {
  let last = '';
  while (!state.stopping) {
    for (const line of lines.slice(lines.lastIndexOf(last) + 1)) toStderr(line);
    last = lines.at(-1) ?? '';
    await sleep(LOG_POLL_MS);
  }
}

function guide({ bridge, gemini, brokers, topicPrefix, apiToken }: DevStack): string {
  const api = `-H 'authorization: Bearer ${apiToken}'`;
  const emulator = `${gemini.url}/emulator`;
  return `
  bridge, for Gemini       ${bridge.url}/webhooks/gemini
  bridge, for the cluster  ${bridge.internalUrl}
  Gemini (emulated)        ${gemini.url}
  Kafka                    ${brokers}, topics ${topicPrefix}.*

See every record as it comes (in another terminal):
  KAFKA_BROKERS=${brokers} npx tsx tools/tail.ts ${topicPrefix}

Submit a batch, and end it:
  ANSWER=$(curl -s ${bridge.internalUrl}/v1/batches ${api} \\
    -H 'content-type: application/json' -d '{
      "model": "gemini-2.5-flash",
      "requests": [{"request": {"contents": [{"parts": [{"text": "Why is the sky blue?"}]}]}}],
      "correlationId": "order-1", "metadata": {"tenant": "blue"}}'); echo "$ANSWER"
  JOB=$(expr "$ANSWER" : '.*"id":"\\([^"]*\\)"'); BATCH=$(expr "$ANSWER" : '.*"batches/\\([^"]*\\)"')
  curl -s -X POST ${emulator}/jobs/$BATCH/finish -d '{"outcome": "succeeded"}'; echo
  sleep 1; curl -s ${bridge.internalUrl}/v1/jobs/$JOB ${api}; echo
  curl -s ${bridge.internalUrl}/v1/jobs/$JOB/result ${api}; echo

An interaction, a video, a file of requests; and all jobs:
  curl -s ${bridge.internalUrl}/v1/interactions ${api} -H 'content-type: application/json' \\
    -d '{"interaction": {"model": "gemini-2.5-flash", "input": "Tell me of the sea."}}'; echo
  curl -s ${bridge.internalUrl}/v1/videos ${api} -H 'content-type: application/json' \\
    -d '{"model": "veo-3.1-generate-preview", "instances": [{"prompt": "The sea at dusk"}]}'; echo
  echo '{"key": "q1", "request": {"contents": [{"parts": [{"text": "Hello"}]}]}}' |
    curl -s -X POST -T - '${bridge.internalUrl}/v1/batches?model=gemini-2.5-flash' ${api} -H 'content-type: application/jsonl'; echo
  curl -s ${bridge.internalUrl}/v1/jobs ${api}; echo

What Gemini delivered and what the bridge answered; the last one once more:
  curl -s ${emulator}/deliveries
  ID=$(curl -s ${emulator}/deliveries | grep -o 'msg_[0-9a-f-]*' | tail -1)
  curl -s -X POST ${emulator}/deliveries/$ID/redeliver

An event of the static webhook, which is registered for the whole project:
  curl -s ${emulator}/events -d '{"type": "video.generated", "data": {"id": "operations/1"}}'; echo

Health and metrics:
  curl -s ${bridge.internalUrl}/health/ready; echo
  curl -s ${bridge.internalUrl}/metrics | grep ^gemini_bridge_

More that the emulator can do (faults, other signatures, its clock): npx tsx packages/gemini-emulator/src/cli.ts --help
`;
}
