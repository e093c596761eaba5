import { ApiError, invalid, notFound } from './api-error.js';
import { isOver, type Batch, type Finish } from './batch.js';
import { operation } from './batch-operation.js';
import { resultsOf } from './batch-results.js';
import { batchInput } from './batch-input.js';
import type { Clock } from './clock.js';
import type { FileStore } from './files.js';
import { resourceId } from './ids.js';
import { objectMember, stringMember, stringsMember, type Json } from './json.js';
import type { EmulatorOptions, Outcome } from './options.js';
import { page } from './page.js';

/** The batches of the emulator's one project. Finished ones are reported to `finished`, which sends the webhooks. */
export class BatchStore {
  private readonly batches = new Map<string, Batch>();

  constructor(
    private readonly options: EmulatorOptions,
    private readonly clock: Clock,
    private readonly files: FileStore,
    private readonly finished: (batch: Batch, finish: Finish) => string[],
  ) {}

  /** `body`: the request of `models/{model}:batchGenerateContent`. */
  async create(model: string, body: Json): Promise<Json> {
    const given = objectMember(body, 'batch');
    if (!given) throw invalid('batch must be set.');
    const config = objectMember(given, 'webhook_config');
    const uris = (config && stringsMember(config, 'uris')) ?? [];
    const metadata = config && objectMember(config, 'user_metadata');
    for (const uri of uris) checkUri(uri);
    const nowMs = this.clock.now();
    const batch: Batch = {
      id: resourceId(),
      model: `models/${model}`,
      displayName: stringMember(given, 'display_name'),
      input: await batchInput(objectMember(given, 'input_config'), this.files),
      webhookUris: uris,
      userMetadata: metadata,
      state: 'PENDING',
      createMs: nowMs,
      updateMs: nowMs,
      results: undefined,
      error: undefined,
    };
    this.batches.set(batch.id, batch);
    this.scheduleFinish(batch);
    return operation(batch);
  }

  /** `name`: `batches/<id>` or the bare id. */
  get(name: string): Batch {
    const batch = this.batches.get(name.replace(/^batches\//, ''));
    if (!batch) throw notFound();
    return batch;
  }

  /** Newest first. */
  list(size: string | undefined, token: string | undefined): unknown {
    const newestFirst = this.all().toReversed();
    const { items, nextToken } = page(newestFirst, size, token);
    return {
      operations: items.map((batch) => operation(batch)),
      ...(nextToken ? { nextPageToken: nextToken } : {}),
    };
  }

  all(): Batch[] {
    return [...this.batches.values()];
  }

  start(name: string): void {
    const batch = this.get(name);
    if (batch.state !== 'PENDING') throw notPossible(batch);
    batch.state = 'RUNNING';
    batch.updateMs = this.clock.now();
  }

  /** Ends the job and sends what is to be sent; the answer names the webhook-ids. */
  finish(
    name: string,
    outcome: Outcome,
    details: Omit<Finish, 'outcome'> = {},
  ): string[] {
    const batch = this.get(name);
    if (isOver(batch)) throw notPossible(batch);
    const finish: Finish = { outcome, ...details };
    const nowMs = this.clock.now();
    Object.assign(batch, resultsOf(batch, finish, this.files));
    Object.assign(batch, { updateMs: nowMs, endMs: nowMs });
    return this.finished(batch, finish);
  }

  /** As the API's `:cancel`. Cancelling what is over changes nothing. Assumption: it takes effect at once. */
  cancel(name: string): void {
    const batch = this.get(name);
    if (!isOver(batch)) this.finish(name, 'cancelled');
  }

  delete(name: string): void {
    this.batches.delete(this.get(name).id);
  }

  private scheduleFinish(batch: Batch): void {
    const { autoFinishMs, autoFinishOutcome } = this.options;
    if (autoFinishMs === undefined) return;
    const alive = () => this.batches.get(batch.id) === batch && !isOver(batch);
    this.clock.after(autoFinishMs / 2, () => {
      if (alive() && batch.state === 'PENDING') this.start(batch.id);
    });
    this.clock.after(autoFinishMs, () => {
      if (alive()) this.finish(batch.id, autoFinishOutcome);
    });
  }
}

function notPossible(batch: Batch): ApiError {
  return new ApiError(400, `batches/${batch.id} is BATCH_STATE_${batch.state} already.`);
}

function checkUri(uri: string): void {
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri)) {
    throw invalid(`Invalid webhook uri: ${uri}`);
  }
}
