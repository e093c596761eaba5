import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { accessOfPod } from '../../../../src/signing-secrets/kubernetes-access.js';
import { KubernetesSecretsStore } from '../../../../src/signing-secrets/stores/kubernetes.secrets-store.js';
import { SecretsUnavailableError } from '../../../../src/signing-secrets/secrets-store.js';
import { json, LoopbackServer, text } from '../../../support/loopback-server.js';
import { temporaryFile, type TemporaryFile } from '../../../support/temporary-file.js';

const PATH = '/api/v1/namespaces/bridge/secrets/vault';

let server: LoopbackServer;
let token: TemporaryFile;
let store: KubernetesSecretsStore;
let stored: { version: number; data: Record<string, string> };

beforeEach(async () => {
  stored = { version: 1, data: { other: 'b3RoZXI=' } };
  token = temporaryFile('a-token\n');
  server = await LoopbackServer.start((request, response) => {
    void answered(request).then((answer) => answer(request, response));
  });
  store = new KubernetesSecretsStore('vault', {
    url: server.url,
    tokenFile: token.path,
    caFile: undefined,
    namespace: 'bridge',
  });
});

afterEach(async () => {
  store.close();
  token[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

type Incoming = LoopbackServer['requests'][number];

/** Answers as the API server: a merge patch with another resource version is a conflict. */
async function answered(request: Incoming): Promise<ReturnType<typeof json>> {
  if (request.url !== PATH) return text(404, '{"message":"not found"}');
  if (request.headers.authorization !== 'Bearer a-token')
    return text(401, '{"message":"who?"}');
  if (request.method === 'PATCH') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { metadata, data } = JSON.parse(Buffer.concat(chunks).toString()) as {
      metadata: { resourceVersion: string };
      data: Record<string, string>;
    };
    if (metadata.resourceVersion !== String(stored.version)) return text(409, '{}');
    stored = { version: stored.version + 1, data: { ...stored.data, ...data } };
  }
  return json({
    metadata: { resourceVersion: String(stored.version) },
    data: stored.data,
  });
}

describe('KubernetesSecretsStore', () => {
  it('reads what it wrote, and leaves the other data of the Secret as it is', async () => {
    expect(await store.readDocument()).toEqual({ version: '1', text: '' });
    expect(await store.writeDocument('{"a":"é"}', '1')).toBe('2');
    expect(await store.readDocument('1')).toEqual({ version: '2', text: '{"a":"é"}' });
    expect(await store.readDocument('2')).toBeUndefined();
    expect(stored.data['other']).toBe('b3RoZXI=');
    const [request] = server.requests.slice(-1);
    expect(request?.headers.authorization).toBe('Bearer a-token');
  });

  it('writes for one of two processes that read the same version', async () => {
    const versions = await Promise.all([
      store.writeDocument('a', '1'),
      store.writeDocument('b', '1'),
    ]);
    expect(versions.filter((version) => version !== undefined)).toEqual(['2']);
  });

  it('reads its token at each call, because Kubernetes renews it', async () => {
    token.write('old');
    await expect(store.readDocument()).rejects.toThrow(
      'the Secret bridge/vault: Kubernetes answered 401: who?',
    );
    token.write('a-token');
    expect(await store.readDocument()).toBeDefined();
  });

  it.each([
    [403, /Role with get and patch/],
    [404, /kubectl create secret generic vault -n bridge/],
    [500, /answered 500: the answer has no message/],
  ])('names the remedy when Kubernetes answers %i', async (status, remedy) => {
    server.answer = text(status, '<html>');
    for (const call of [store.readDocument(), store.writeDocument('x', '1')]) {
      await expect(call).rejects.toThrow(remedy);
    }
  });

  it('is unavailable for an answer of another form, and without an API server', async () => {
    for (const answer of [text(200, 'nonsense'), text(200, '{}')]) {
      server.answer = answer;
      await expect(store.readDocument()).rejects.toBeInstanceOf(SecretsUnavailableError);
    }
    const away = { url: 'http://127.0.0.1:1', tokenFile: token.path, caFile: undefined };
    const unreachable = new KubernetesSecretsStore('vault', {
      ...away,
      namespace: 'bridge',
    });
    await expect(unreachable.readDocument()).rejects.toThrow(
      /the Secret bridge\/vault: .*ECONNREFUSED/,
    );
  });

  it('gives up on a server that does not answer', async () => {
    const deadline = new AbortController();
    const timeout = jest.spyOn(AbortSignal, 'timeout');
    timeout.mockReturnValueOnce(deadline.signal);
    server.answer = () => deadline.abort(new Error('too late'));
    await expect(store.readDocument()).rejects.toBeInstanceOf(SecretsUnavailableError);
    expect(timeout).toHaveBeenCalledWith(2000);
    timeout.mockRestore();
  });

  it('needs a pod with a service account', () => {
    expect(() => accessOfPod(undefined)).toThrow(
      /VAULT_KUBERNETES_SECRET: got a Secret, outside a pod/,
    );
    expect(() => accessOfPod('https://[::1]:443')).toThrow(
      /token, which does not exist.*automountServiceAccountToken/,
    );
  });
});
