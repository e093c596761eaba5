import type { DevStack } from '../../packages/testbed/index.js';

/** The parts of a development world, and lines to paste into another terminal. */
export function guide(
  { bridge, gemini, brokers, topicPrefix, apiToken }: DevStack,
  environmentFile: string,
): string {
  const api = `-H 'authorization: Bearer ${apiToken}'`;
  const emulator = `${gemini.url}/emulator`;
  return `
  bridge, for Gemini       ${bridge.url}/webhooks/gemini
  bridge, for the cluster  ${bridge.internalUrl}
  Gemini (emulated)        ${gemini.url}
  Kafka                    ${brokers}, topics ${topicPrefix}.*
  settings of the bridge   ${environmentFile}

Every record as it comes (in another terminal):
  npx tsx --env-file=${environmentFile} tools/tail.ts

The command line, aimed at this Kafka and this Gemini:
  node --env-file=${environmentFile} dist/cli.js webhooks list
  node --env-file=${environmentFile} dist/cli.js topics check

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
