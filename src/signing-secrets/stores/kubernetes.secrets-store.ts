import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { FormError } from '../../config/problem.js';
import { readSettingFile } from '../../config/setting-file.js';
import { namingSetting } from '../../infrastructure/files/watched-file.js';
import {
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../secrets-store.js';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TIMEOUT_MS = 2000;
/** Kubernetes limits a Secret to 1 MiB; its answer is base64 in JSON. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Key in the Secret's `data`. */
const MEMBER = 'vault';

/** Address and credentials of the Kubernetes API server. */
export interface KubernetesAccess {
  /** Without a trailing slash. */
  readonly url: string;
  /** Read at each call, because Kubernetes renews the token. */
  readonly tokenFile: string;
  /** Undefined for the certificate authorities of the system. */
  readonly caFile: string | undefined;
  readonly namespace: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const secret = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
});

/**
 * The access that Kubernetes gives every pod.
 *
 * @param api URL of the API server; undefined outside a pod.
 * @throws {ConfigError} outside a pod, or without a service account token.
 */
export function accessOfPod(api: string | undefined): KubernetesAccess {
  return namingSetting('VAULT_KUBERNETES_SECRET', () => {
    if (api === undefined) {
      throw new FormError(
        'a Secret, outside a pod (KUBERNETES_SERVICE_HOST is not set)',
        'a bridge in a pod of the cluster of the Secret',
        'run this in a pod, or set VAULT_FILE or REDIS_URL instead',
      );
    }
    return {
      url: api,
      tokenFile: accountFile('token').path,
      caFile: accountFile('ca.crt').path,
      namespace: accountFile('namespace').text.trim(),
    };
  });
}

/** @throws {FormError} for a pod without the token of its service account. */
function accountFile(name: string): { readonly path: string; readonly text: string } {
  const path = join(ACCOUNT, name);
  try {
    return { path, text: readSettingFile(path) };
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    const wants = 'a pod that has the token of its service account';
    const remedy = 'set automountServiceAccountToken: true for the pod';
    throw new FormError(`a pod with ${error.got}`, wants, remedy);
  }
}

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
