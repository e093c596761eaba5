import { once } from 'node:events';
import { toStderr } from '../packages/testbed/src/process/log.js';
import { subscribe } from '../packages/testbed/src/dev-stack/topics.js';

const USAGE = `Prints the records of topics, from their beginning, one JSON object a line, until Ctrl-C.

  KAFKA_BROKERS=host:port npx tsx tools/tail.ts [topic or prefix]…

  A prefix stands for its topics and those of the bridge beside them. Without a name: the prefix in TOPIC_PREFIX, else
  gemini. For a world of \`npm run dev\`: npx tsx --env-file=.dev/bridge.env tools/tail.ts`;

async function main(given: readonly string[]): Promise<void> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (given.includes('--help') || !brokers) {
    toStderr(USAGE);
    process.exitCode = given.includes('--help') ? 0 : 1;
    return;
  }
  const wanted = given.length > 0 ? given : [process.env['TOPIC_PREFIX'] ?? 'gemini'];
  const topics = wanted.map((name) =>
    name.includes('.') ? name : new RegExp(`^${name}(-bridge)?\\.`),
  );
  const subscription = await subscribe(brokers, topics, (record) => {
    process.stdout.write(`${JSON.stringify(record)}\n`);
  });
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await subscription.stop();
  process.exit(); // kafkajs may still look for a broker that has ended
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  toStderr(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
