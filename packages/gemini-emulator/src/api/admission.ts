import { ApiError } from '../api-error.js';
import type { Call, Route } from './http.js';
import type { Uploads } from '../files/uploads.js';

/**
 * Checks the API key of a call. The key set (JWKS) and the control routes need none; the URL of an upload is a secret itself.
 *
 * @throws {ApiError} 403 without a key, 400 with a wrong one
 */
export function admit(
  { name }: Route,
  { url, headers }: Call,
  apiKey: string,
  uploads: Uploads,
): void {
  if (name === 'jwks' || name.startsWith('emulator.')) return;
  if (uploads.has(url.searchParams.get('upload_id') ?? '')) return;
  const key = headers['x-goog-api-key'] ?? url.searchParams.get('key');
  if (key === apiKey) return;
  if (!key) throw new ApiError(403, "Method doesn't allow unregistered callers.");
  throw new ApiError(400, 'API key not valid. Please pass a valid API key.', [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
    },
  ]);
}
