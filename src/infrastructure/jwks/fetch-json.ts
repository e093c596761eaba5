const TIMEOUT_MS = 2000;
const MAX_BYTES = 256 * 1024;

/**
 * Fetches the JSON of a JWKS endpoint, within 2 s and 256 KiB and without redirects.
 *
 * @throws {Error} unless the endpoint answers 200 with JSON within these bounds.
 */
export async function fetchJson(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { signal, redirect: 'error' });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the endpoint answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk as Uint8Array);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
