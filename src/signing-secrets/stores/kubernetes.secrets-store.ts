import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { z } from 'zod';
import type { KubernetesAccess } from '../kubernetes-access.js';
import {
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../secrets-store.js';

const TIMEOUT_MS = 2000;
/** Kubernetes limits a Secret to 1 MiB; its answer is base64 in JSON. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Key in the Secret's `data`. */
const MEMBER = 'vault';

interface Answer {
  readonly status: number;
  readonly text: string;
}

const secret = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
});

/**
 * Stores the document in a Kubernetes Secret, for several replicas without Redis. The Secret has
 * to exist. The service account needs `get` and `patch` on it and on nothing else.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export class KubernetesSecretsStore extends SecretsStore {
  /** Slower than other stores, because the API server serves the whole cluster. */
  override readonly pollMs = 2000;
  private readonly agent: Agent;

  constructor(
    private readonly name: string,
    private readonly access: KubernetesAccess,
  ) {
    super();
    const ca = access.caFile === undefined ? undefined : readFileSync(access.caFile);
    this.agent = new Agent({ keepAlive: true, ...(ca && { ca }) });
  }

  override async readDocument(known?: string): Promise<StoredSecrets | undefined> {
    const stored = await this.callAndParse('GET');
    return stored?.version === known ? undefined : stored;
  }

  override async writeDocument(text: string, since: string): Promise<string | undefined> {
    const stored = await this.callAndParse('PATCH', {
      metadata: { resourceVersion: since },
      data: { [MEMBER]: Buffer.from(text).toString('base64') },
    });
    return stored?.version;
  }

  override close(): void {
    this.agent.destroy();
  }

  /**
   * @returns the Secret after the call; undefined if it has another version (HTTP 409).
   * @throws {SecretsUnavailableError}
   */
  private async callAndParse(
    method: string,
    body?: object,
  ): Promise<StoredSecrets | undefined> {
    let answer: Answer;
    try {
      answer = await this.call(method, body);
      if (answer.status === 409) return undefined;
      if (answer.status === 200) return parseStored(answer.text);
    } catch (cause) {
      const { message = String(cause) } = cause as Partial<Error>;
      throw new SecretsUnavailableError(`${this.where}: ${message}`, { cause });
    }
    throw new SecretsUnavailableError(`${this.where}: ${this.refusal(answer)}`);
  }

  private async call(method: string, body?: object): Promise<Answer> {
    const { url, namespace } = this.access;
    const address = `${url}/api/v1/namespaces/${namespace}/secrets/${this.name}`;
    const isTls = address.startsWith('https:');
    const send = isTls ? httpsRequest : httpRequest;
    const outgoing = send(address, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        authorization: `Bearer ${readFileSync(this.access.tokenFile, 'utf8').trim()}`,
        accept: 'application/json',
        ...(body && { 'content-type': 'application/merge-patch+json' }),
      },
      ...(isTls && { agent: this.agent }),
    });
    outgoing.end(body && JSON.stringify(body));
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES)
        throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
  }

  private get where(): string {
    return `the Secret ${this.access.namespace}/${this.name}`;
  }

  private refusal({ status, text }: Answer): string {
    const { namespace } = this.access;
    const remedies: Readonly<Record<number, string>> = {
      403: 'give the service account a Role with get and patch on it',
      404: `create it: kubectl create secret generic ${this.name} -n ${namespace}`,
    };
    return `Kubernetes answered ${status}: ${remedies[status] ?? messageIn(text)}`;
  }
}

function parseStored(json: string): StoredSecrets {
  const { metadata, data = {} } = secret.parse(JSON.parse(json));
  const text = Buffer.from(data[MEMBER] ?? '', 'base64').toString('utf8');
  return { version: metadata.resourceVersion, text };
}

function messageIn(text: string): string {
  try {
    return z.object({ message: z.string() }).parse(JSON.parse(text)).message;
  } catch {
    return 'the answer has no message';
  }
}
