import { Inject, Injectable } from '@nestjs/common';
import type { GoogleGenAI, InlinedRequest } from '@google/genai';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.js';
import { GeminiError } from './gemini.error.js';

/** A batch to submit. `requests` go to Gemini as they are. */
export interface BatchOrder {
  readonly model: string;
  readonly displayName: string;
  readonly requests: readonly {
    readonly key?: string | undefined;
    readonly request: object;
  }[];
  readonly webhookUrl: string;
  readonly userMetadata: Readonly<Record<string, unknown>>;
}

/** What Gemini says of a batch. */
export interface BatchState {
  /** `BATCH_STATE_…` */
  readonly state: string;
  readonly updateTime: string | undefined;
  /** `files/…`, for batches whose input was a file. */
  readonly outputFile: string | undefined;
}

/** A submission may take long; after this its outcome counts as unknown. */
const SUBMIT_TIMEOUT_MS = 30_000;
/** Within the ack budget of a delivery. */
const STATE_TIMEOUT_MS = 2500;

/** A finished batch's operation can hold all its answers: only these fields are asked for. */
const STATE_FIELDS =
  'name,metadata.state,metadata.updateTime,metadata.output.responsesFile';

const operation = z.object({
  metadata: z.object({
    state: z.string(),
    updateTime: z.string().optional(),
    output: z.object({ responsesFile: z.string().optional() }).optional(),
  }),
});

/** The only file that speaks to the Gemini API. */
@Injectable()
export class GeminiClient {
  private sdk: Promise<GoogleGenAI> | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** False without a key: then the bridge only receives. */
  get configured(): boolean {
    return this.config.gemini.apiKey !== undefined;
  }

  /**
   * Submits once; nothing here repeats it, because a repeat could be billed.
   *
   * @returns Gemini's name of the batch, `batches/…`.
   * @throws {GeminiError}
   */
  async submitBatch(order: BatchOrder): Promise<string> {
    const { batches } = await this.client();
    const { name } = await asGeminiError(
      batches.create({
        model: order.model,
        // The schema is Gemini's to check, not ours
        src: order.requests.map(({ key, request }) => ({
          ...request,
          ...(key === undefined ? {} : { metadata: { key } }),
        })) as InlinedRequest[],
        config: {
          displayName: order.displayName,
          httpOptions: { timeout: SUBMIT_TIMEOUT_MS },
          webhookConfig: {
            uris: [order.webhookUrl],
            userMetadata: { ...order.userMetadata },
          },
        },
      }),
    );
    if (!name) throw new GeminiError('Gemini answered without a name', 'unknown', 200);
    return name;
  }

  /** @throws {GeminiError} */
  async batchState(name: string): Promise<BatchState> {
    const { url, apiKey = '' } = this.config.gemini;
    if (!/^batches\/[A-Za-z0-9_-]{1,128}$/.test(name)) {
      throw new GeminiError('not the name of a batch', 'refused', undefined);
    }
    const response = await asGeminiError(
      fetch(`${url}/v1beta/${name}?fields=${encodeURIComponent(STATE_FIELDS)}`, {
        headers: { 'x-goog-api-key': apiKey },
        signal: AbortSignal.timeout(STATE_TIMEOUT_MS),
        redirect: 'error',
      }),
    );
    if (!response.ok) {
      throw new GeminiError(
        'Gemini did not say',
        outcomeOf(response.status),
        response.status,
      );
    }
    const answer = operation.safeParse(await asGeminiError(response.json()));
    if (!answer.success) {
      throw new GeminiError('Gemini answered something else', 'unknown', response.status);
    }
    const { state, updateTime, output } = answer.data.metadata;
    return { state, updateTime, outputFile: output?.responsesFile };
  }

  /** Loaded with the first submission: a bridge that only receives does without its 30 MB. */
  private client(): Promise<GoogleGenAI> {
    this.sdk ??= import('@google/genai').then(
      ({ GoogleGenAI }) =>
        new GoogleGenAI({
          apiKey: this.config.gemini.apiKey ?? '',
          httpOptions: { baseUrl: this.config.gemini.url },
        }),
    );
    return this.sdk;
  }
}

/** The SDK has several families of errors; what they share is `status`. */
async function asGeminiError<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    const { status } = cause as { status?: unknown };
    const known = typeof status === 'number' ? status : undefined;
    const message =
      known === undefined ? 'Gemini did not answer' : `Gemini answered ${known}`;
    throw new GeminiError(message, outcomeOf(known), known, { cause });
  }
}

function outcomeOf(status: number | undefined): 'refused' | 'unknown' {
  return status !== undefined && status >= 400 && status < 500 && status !== 408
    ? 'refused'
    : 'unknown';
}
