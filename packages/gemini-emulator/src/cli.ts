import { once } from 'node:events';
import { help, optionsOf } from './control/command-line.js';
import { GeminiEmulator } from './emulator.js';

/** The command line, `npx tsx packages/gemini-emulator/src/cli.ts --help`. The emulator runs until Ctrl-C. */
async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (!options) {
    process.stdout.write(help());
    return;
  }
  await using emulator = await GeminiEmulator.start(options);
  process.stdout.write(greeting(emulator));
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function greeting({ url, jwksUrl, apiKey }: GeminiEmulator): string {
  return `Gemini emulator at ${url} (key: ${apiKey}, keys of dynamic deliveries: ${jwksUrl})

Submit a batch whose end is announced to a URL, and end it:
  curl -s ${url}/v1beta/models/gemini-2.5-flash:batchGenerateContent -H 'x-goog-api-key: ${apiKey}' \\
    -d '{"batch": {"inputConfig": {"requests": {"requests": [{"request": {"contents": []}}]}},
         "webhookConfig": {"uris": ["http://127.0.0.1:8080/webhooks/gemini/jobs/TOKEN"]}}}'
  curl -s ${url}/emulator/jobs
  curl -s -X POST ${url}/emulator/jobs/ID/finish -d '{"outcome": "succeeded"}'
  curl -s ${url}/emulator/deliveries

Or an interaction or a video:
  curl -s ${url}/v1beta/interactions -H 'x-goog-api-key: ${apiKey}' \\
    -d '{"model": "gemini-2.5-flash", "input": "Why is the sky blue?", "background": true,
         "webhook_config": {"uris": ["http://127.0.0.1:8080/webhooks/gemini/jobs/TOKEN"]}}'
  curl -s ${url}/v1beta/models/veo-3.1-generate-preview:predictLongRunning -H 'x-goog-api-key: ${apiKey}' \\
    -d '{"instances": [{"prompt": "A cat."}],
         "webhookConfig": {"uris": ["http://127.0.0.1:8080/webhooks/gemini/jobs/TOKEN"]}}'

Register a webhook for all jobs (only this answer shows its secret):
  curl -s ${url}/v1beta/webhooks -H 'x-goog-api-key: ${apiKey}' \\
    -d '{"name": "bridge", "uri": "http://127.0.0.1:8080/webhooks/gemini", "subscribed_events": ["batch.succeeded"]}'

Make things go wrong:
  curl -s ${url}/emulator/faults -d '{"route": "batches.create", "kind": "status", "status": 429}'
  curl -s ${url}/emulator/faults -d '{"route": "*.create", "kind": "accept-then-hang", "probability": 0.05}'
  curl -s -X PATCH ${url}/emulator/options -d '{"jwks": "500", "twins": 2, "lose-events": 0.01}'

All options and controls: --help. Ctrl-C ends it.
`;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
