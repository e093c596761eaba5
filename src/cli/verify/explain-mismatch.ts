import { jobPath, STATIC_ROUTE } from '../../events/webhook-routes.js';
import type { Proof } from '../../signature/proof.js';
import { isToken } from '../../signature/signature-verifier.js';
import type { VerificationTools } from '../verification-tools.js';
import { orUndefined, type CapturedDelivery } from './captured-delivery.js';

export async function explainMismatch(
  delivery: CapturedDelivery,
  tools: VerificationTools,
): Promise<string> {
  return (
    otherRoute(delivery) ??
    (await otherBody(delivery, tools)) ??
    (delivery.pathToken === undefined ? otherSecret(delivery, tools) : OTHER_KEY)
  );
}

const OTHER_KEY =
  'none of the keys of Google made this signature for these bytes: the body, webhook-id or webhook-timestamp was altered, or Google did not sign it';

/** Verifies the delivery as if it had this body. @throws {SignatureError} */
export async function verifyBody(
  { pathToken, headers, nowMs }: CapturedDelivery,
  body: Buffer,
  { verifier }: VerificationTools,
): Promise<Proof> {
  if (pathToken === undefined) return verifier.verifyStatic(headers, body, nowMs);
  return (await verifier.verifyDynamic(pathToken, headers, body, nowMs)).proof;
}

/** Recognises the signature of a static webhook on the route of a job, and the reverse. */
function otherRoute({ pathToken, signature }: CapturedDelivery): string | undefined {
  const isOfJob = isToken(signature) || /(^| )v1a,/.test(signature);
  const isOfStatic = /(^| )v1,/.test(signature);
  if (pathToken === undefined && isOfJob && !isOfStatic) {
    const scheme = isToken(signature) ? 'a JWT' : 'v1a';
    return `this is the signature of a job's own webhook (${scheme}), which belongs to ${jobPath('<token>')}: the wrong route`;
  }
  if (pathToken !== undefined && isOfStatic && !isOfJob) {
    return `this is the signature of a static webhook (v1), which belongs to ${STATIC_ROUTE}: the wrong route`;
  }
  return undefined;
}

/** Finds a change of the body that makes the signature good. */
async function otherBody(
  delivery: CapturedDelivery,
  tools: VerificationTools,
): Promise<string | undefined> {
  for (const [change, body] of changedBodies(delivery.body)) {
    const isIt = await verifyBody(delivery, body, tools).then(
      () => true,
      () => false,
    );
    if (isIt) {
      return `the signature is that of the body ${change}: a proxy between Gemini and the bridge, or the capture, changes bodies`;
    }
  }
  return undefined;
}

function* changedBodies(body: Buffer): Generator<[change: string, body: Buffer]> {
  const text = body.toString('utf8');
  yield ['without its last newline', Buffer.from(text.replace(/\r?\n$/, ''))];
  yield ['with a newline behind it', Buffer.from(`${text}\n`)];
  yield ['with LF for CRLF', Buffer.from(text.replaceAll('\r\n', '\n'))];
  yield ['decoded from base64', Buffer.from(text, 'base64')];
  const json = orUndefined(() => JSON.parse(text) as unknown);
  if (json === undefined) return;
  yield ['as compact JSON', Buffer.from(JSON.stringify(json))];
  yield ['as JSON indented by 2', Buffer.from(JSON.stringify(json, undefined, 2))];
}

function otherSecret(
  { nowMs }: CapturedDelivery,
  { verifier }: VerificationTools,
): string {
  const ids = verifier.staticSecrets(nowMs).map(({ keyId }) => keyId);
  return ids.length === 0
    ? 'no secret is configured: set WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE or the vault'
    : `none of the known secrets (key ids ${ids.join(', ')}) made this signature for these bytes: Gemini signs with another secret, or the body, webhook-id or webhook-timestamp was altered`;
}
