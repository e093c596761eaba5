import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');
/** Long enough for the first download of Kafka. */
const LIMIT_MS = 180_000;

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describe('npm run demo', () => {
  it(
    'shows a job, a duplicate and forgeries, and ends with 0',
    async () => {
      const { code, output } = await runDemo();
      expect(output).toMatch(/→ 202 {3}location: \/v1\/jobs\//);
      expect(output).toContain('→ 200 {"status":"published"}');
      expect(output).toMatch(/gemini\.batch\.succeeded, partition \d, offset 0/);
      expect(output).toMatch(/ce_type +batch\.succeeded/);
      expect(output).toMatch(/correlation-id +order-4711/);
      expect(output).toContain('→ 200 {"status":"duplicate"}');
      expect(output).toContain('✓ gemini.batch.succeeded still holds 1 record');
      expect(output).toMatch(
        /✓ a changed body with the old signature +401 signature-mismatch/,
      );
      expect(output).toMatch(/✓ signed with an unknown secret +401 signature-mismatch/);
      expect(output).toMatch(
        /✓ signed by Gemini, for an invented job +401 capability-invalid/,
      );
      expect(output).toContain('✓ gemini.interaction.completed has it');
      expect(output).toMatch(/Done in \d+\.\d s/);
      expect({ code, output }).toMatchObject({ code: 0 });
    },
    LIMIT_MS,
  );

  it('ends with 1 and names the cause if no broker answers', async () => {
    const { code, output } = await runDemo({ KAFKA_BROKERS: '127.0.0.1:1' });
    expect(output).toContain('The demo failed. no broker answers at 127.0.0.1:1');
    expect(code).toBe(1);
  });
});

/** Runs the demo without a build, and without the Kafka and Redis of the environment unless `env` names them. */
function runDemo(env: Record<string, string> = {}): Promise<Ended> {
  const { KAFKA_BROKERS: _kafka, REDIS_URL: _redis, ...others } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'tools/demo.ts'], {
    cwd: ROOT,
    env: { ...others, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, output: Buffer.concat(chunks).toString() }),
    );
  });
}
