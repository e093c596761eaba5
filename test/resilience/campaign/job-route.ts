/** The route of dynamic deliveries: a URL for each job, and Google's `v1a` signature. */
import type { GoogleKeys } from '../../../packages/gemini-emulator/src/deliveries/signing.js';
import { parseKeyring } from '../../../src/infrastructure/files/keyring.js';
import { issueCapability } from '../../../src/signature/capability.js';

/** Signs and addresses a dynamic delivery. */
export interface JobRoute {
  /** @param base base URL of a replica's public port */
  url(base: string, jobId: string): Promise<string> | string;
  /** @param timestamp Unix seconds */
  sign(id: string, timestamp: number, body: Buffer): string;
}

/**
 * @param keys the keys at the bridge's `JWKS_URL`, as `GeminiEmulator.keys`
 * @param capabilityKeys content of the bridge's `CAPABILITY_KEYS_FILE`
 */
export function jobRoute(keys: GoogleKeys, capabilityKeys: string): JobRoute {
  const parsed = parseKeyring(capabilityKeys);
  const tokens = new Map<string, Promise<string>>();
  return {
    async url(base, jobId) {
      let token = tokens.get(jobId);
      if (!token) {
        token = issueCapability({ jobId, correlationId: `c-${jobId}` }, parsed);
        tokens.set(jobId, token);
      }
      return `${base}/webhooks/gemini/jobs/${await token}`;
    },
    sign: (id, timestamp, body) => keys.signV1a(id, timestamp, body),
  };
}
