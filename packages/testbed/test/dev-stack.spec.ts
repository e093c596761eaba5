import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startDevStack, type DevStack } from '../src/dev-stack.js';
import { bridgeFiles } from '../src/dev-stack/bridge-files.js';
import { writeEnvironmentFile } from '../src/dev-stack/environment-file.js';
import { requireFreePorts } from '../src/dev-stack/require-free-ports.js';
import { countRecords } from '../src/dev-stack/topics.js';
import { freePort, freePorts } from '../src/process/free-ports.js';
import { run } from '../src/process/run.js';
import { temporaryFolder } from '../src/process/temporary-folder.js';

const silent = () => undefined;
const ROOT = join(import.meta.dirname, '..', '..', '..');

describe('a development world', () => {
  it('has its ports, its token and its records again at the next start', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
    const ports = { public: a, internal: b, gemini: c, kafka: d };
    const options = { ports, folder: folder.path, log: silent };
    const addresses: string[][] = [];
    {
      await using stack = await startDevStack({
        ...options,
        apiToken: 'the-first-token-is-kept',
      });
      addresses.push(addressesOf(stack));
      expect(await publishOne(stack)).toBe(200);
    }
    {
      await using stack = await startDevStack({
        ...options,
        apiToken: 'another-token-at-the-next',
      });
      addresses.push(addressesOf(stack));
      expect(await countRecords(stack.brokers, stack.topicPrefix)).toBe(1);
      expect(await publishOne(stack)).toBe(200);
      const answer = await fetch(`${stack.bridge.internalUrl}/v1/jobs`, {
        headers: { authorization: 'Bearer the-first-token-is-kept' },
      });
      expect(answer.status).toBe(200);
    }
    expect(addresses[0]).toContain(`127.0.0.1:${d}`);
    expect(addresses[1]).toEqual(addresses[0]);
  }, 180_000);

  it('can be reached by the command line, given its environment', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    await using stack = await startDevStack({ log: silent });
    const path = join(folder.path, 'bridge.env');
    await writeEnvironmentFile(path, stack.environment);
    const { ok, output } = await run(process.execPath, [
      `--env-file=${path}`,
      join(ROOT, 'dist', 'cli.js'),
      'topics',
      'check',
    ]);
    expect(output).toMatch(/^gemini\.video\.generated +6 partitions +ok$/m);
    expect(ok).toBe(true);
  }, 120_000);
});

describe('requireFreePorts', () => {
  it('names each port that is taken, and the option that changes it', async () => {
    const server = createServer();
    const taken = await freePort();
    await new Promise<void>((resolve) => void server.listen(taken, '127.0.0.1', resolve));
    try {
      const ports = [
        { port: taken, option: '--port' },
        { port: await freePort(), option: '--kafka-port' },
      ];
      await expect(requireFreePorts(ports)).rejects.toThrow(
        new RegExp(
          `^127\\.0\\.0\\.1:${taken} is taken: choose another port with --port\n(?!.*kafka)`,
        ),
      );
    } finally {
      server.close();
    }
    await requireFreePorts([{ port: taken, option: '--port' }]);
  });
});

describe('bridgeFiles', () => {
  it('makes keys and a token once, and leaves a file that was edited as it is', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const first = await bridgeFiles(folder.path, 'token-of-the-first-start');
    const keys = await readFile(join(folder.path, 'vault-keys'), 'utf8');
    const second = await bridgeFiles(folder.path, 'token-of-the-second-start');
    expect(second).toEqual(first);
    expect(second.apiToken).toBe('token-of-the-first-start');
    expect(await readFile(join(folder.path, 'vault-keys'), 'utf8')).toBe(keys);
  });
});

describe('an environment file', () => {
  const VARIABLES = {
    WEBHOOKS: '[{"name":"main"}]',
    FOLDER: "/home/o'neill/a folder",
    EMPTY: '',
    DOLLAR: '$HOME #1',
  };

  it('says the same to Node.js and to a shell', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const path = join(folder.path, 'new', 'bridge.env');
    await writeEnvironmentFile(path, VARIABLES);
    const script = `console.log(JSON.stringify(process.env))`;
    const readers = [
      [process.execPath, [`--env-file=${path}`, '-e', script]],
      ['/bin/sh', ['-c', `set -a; . ${path}; exec ${process.execPath} -e '${script}'`]],
    ] as const;
    for (const [command, args] of readers) {
      const { output } = await run(command, args);
      expect(JSON.parse(output)).toMatchObject(VARIABLES);
    }
  });

  it('refuses a value that neither quote can hold', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const path = join(folder.path, 'bridge.env');
    const write = writeEnvironmentFile(path, { KEY: `'"` });
    await expect(write).rejects.toThrow('KEY cannot be written');
  });

  it('is removed', async () => {
    await using folder = await temporaryFolder('gemini-kafka-bridge-test');
    const path = join(folder.path, 'bridge.env');
    const file = await writeEnvironmentFile(path, VARIABLES);
    expect(existsSync(path)).toBe(true);
    await file.remove();
    expect(existsSync(path)).toBe(false);
  });
});

function addressesOf({ brokers, gemini, bridge }: DevStack): string[] {
  return [brokers, gemini.url, bridge.url, bridge.internalUrl];
}

/** The status that the bridge answers to an event of the static webhook. */
async function publishOne({ gemini }: DevStack): Promise<number | undefined> {
  const [webhookId] = gemini.emit('video.generated', { id: 'operations/1' });
  const delivered = await gemini.waitForDelivery((each) => each.webhookId === webhookId);
  return delivered.status;
}
