import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type {
  GeminiConfig,
  JobsConfig,
  SignatureConfig,
} from '../../../../src/config/config.js';
import { GeminiFiles } from '../../../../src/gemini/gemini-files.js';
import { Idempotency } from '../../../../src/jobs/submission/idempotency.js';
import { JobSubmitter } from '../../../../src/jobs/submission/job.submitter.js';
import { JobUploader } from '../../../../src/jobs/submission/job.uploader.js';
import { Submission } from '../../../../src/jobs/submission/submission.js';
import { WebhookUrl } from '../../../../src/jobs/submission/webhook-url.js';
import { batchKind } from '../../../../src/jobs/kinds/batch.kind.js';
import { MemoryJobRegistry } from '../../../../src/jobs/registry/memory.job-registry.js';
import { IdsOnly } from '../../../../src/infrastructure/tracing/tracing.js';
import { CapabilityKeyring } from '../../../../src/signature/capability-keyring.js';
import { FAKED_CLOCK } from '../../../support/clock.js';
import { FakeGemini } from '../../../support/fake-gemini.js';

const NO_KEYS = {} as SignatureConfig;
const BY = { caller: 'orders', idempotencyKey: undefined };

/** Takes a piece of the content each time it is told to. */
class SlowFiles extends GeminiFiles {
  readonly pieces: string[] = [];
  private wanted = 0;

  constructor() {
    super({} as GeminiConfig);
  }

  want(): void {
    this.wanted++;
  }

  override async upload(content: AsyncIterable<Uint8Array>): Promise<string> {
    for await (const piece of content) {
      this.pieces.push(Buffer.from(piece).toString());
      while (this.wanted < this.pieces.length) await new Promise(setImmediate);
    }
    return 'files/1';
  }
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
};

beforeEach(() => void jest.useFakeTimers(FAKED_CLOCK));

afterEach(() => void jest.useRealTimers());

describe('an upload', () => {
  it('whose sender says nothing any more gives its place to others', async () => {
    const files = new SlowFiles();
    const gemini = new FakeGemini();
    const registry = new MemoryJobRegistry();
    const webhookUrl = new WebhookUrl(new CapabilityKeyring(NO_KEYS), undefined);
    const tracing = new IdsOnly();
    const config = {} as JobsConfig;
    const submission = new Submission(gemini, registry, webhookUrl, tracing, config);
    const idempotency = new Idempotency(registry);
    const submitter = new JobSubmitter(gemini, registry, idempotency, submission);
    const uploader = new JobUploader(gemini, files, idempotency, submitter);
    const content = new PassThrough();
    content.write('first');
    const submitted = uploader.submit(batchKind, { model: 'm' }, content, BY);
    const outcome = submitted.catch((error: unknown) => error);
    await turns();
    // A slow Gemini is not the sender's fault
    jest.advanceTimersByTime(300_000);
    files.want();
    content.write('second');
    await turns();
    files.want();
    await turns();
    expect(files.pieces).toEqual(['first', 'second']);
    jest.advanceTimersByTime(60_000);
    expect(await outcome).toMatchObject({ status: 408, code: 'body-too-slow' });
  });
});
