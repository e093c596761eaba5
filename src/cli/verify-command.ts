import { EventFormatError, parseGeminiEvent } from '../events/gemini-event.js';
import { deadLetterTopic, topicFor } from '../events/event-topics.js';
import { jobPath, STATIC_ROUTE } from '../events/webhook-routes.js';
import { KeysUnavailableError } from '../infrastructure/jwks/remote-keys.js';
import { refusalFor } from '../receiver/refusals.js';
import type { Proof } from '../signature/proof.js';
import { SecretsUnsettledError, SignatureError } from '../signature/signature.error.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import type { Report, Terminal } from './terminal.js';
import { withVerificationTools, type VerificationTools } from './verification-tools.js';
import { readCapture } from './verify/capture.js';
import { captureAsDelivery, type CapturedDelivery } from './verify/captured-delivery.js';
import { verifyBody } from './verify/explain-mismatch.js';
import { explainRefusal } from './verify/explain-refusal.js';
import { referenceOpinion } from './verify/reference-opinion.js';

export interface VerifyOptions {
  /** RFC 3339, `now` or `captured`. */
  readonly at: string;
}

type Reason = Parameters<typeof refusalFor>[0];

/** Explains why a captured request is accepted or refused. The bridge's own verifier decides it. */
export function verifyCapture(
  env: Terminal['env'],
  file: string,
  { at }: VerifyOptions,
): Promise<Report> {
  const delivery = captureAsDelivery(readCapture(file), at);
  return withVerificationTools(env, (tools) => verify(delivery, tools));
}

async function verify(
  delivery: CapturedDelivery,
  tools: VerificationTools,
): Promise<Report> {
  const { method, path, pathToken, body } = delivery;
  if (path !== STATIC_ROUTE && pathToken === undefined) {
    const why = `the bridge has no route ${path}: static webhooks deliver to ${STATIC_ROUTE}, those of jobs to ${jobPath('<token>')}`;
    return refused('not-found', why);
  }
  if (method !== 'POST') return refused('method-not-allowed', `${method} is not POST`);
  try {
    const proof = await verifyBody(delivery, body, tools);
    return accepted(proof, delivery, tools);
  } catch (error) {
    return refusalOf(error, delivery, tools);
  }
}

function accepted(
  { scheme, keyId, id, body, bodyBound }: Proof,
  delivery: CapturedDelivery,
  { config, verifier }: VerificationTools,
): Report {
  const opinion =
    scheme === 'v1'
      ? referenceOpinion(delivery, verifier.staticSecrets(delivery.nowMs), true)
      : undefined;
  const destination = destinationOf(body, config.topics.prefix);
  return {
    json: {
      ok: true,
      scheme,
      keyId,
      webhookId: id,
      bodyBound,
      ...destination.json,
      referenceAgrees: opinion?.agrees,
    },
    lines: [
      `accepted: ${scheme}, key id ${keyId}, webhook-id ${id}`,
      ...(bodyBound ? [] : [UNBOUND]),
      destination.line,
      ...(opinion ? [opinion.line] : []),
    ],
  };
}

const UNBOUND =
  'the JWT does not cover the body: the bridge confirms the event with Gemini (JWT_UNBOUND_BODY)';

function destinationOf(body: Buffer, prefix: string) {
  try {
    const { type, subject } = parseGeminiEvent(body);
    const topic = topicFor(type, prefix);
    const job = subject === undefined ? 'it names no job' : `about ${subject}`;
    return { json: { topic, subject }, line: `goes to ${topic}, ${job}` };
  } catch (error) {
    if (!(error instanceof EventFormatError)) throw error;
    const topic = deadLetterTopic(prefix);
    const { fault: reason } = error;
    return { json: { topic, reason }, line: `goes to ${topic}: ${reason}` };
  }
}

async function refusalOf(
  error: unknown,
  delivery: CapturedDelivery,
  tools: VerificationTools,
): Promise<Report> {
  if (error instanceof SignatureError) {
    const { fault } = error;
    const why = await explainRefusal(fault, delivery, tools);
    if (fault !== 'signature-mismatch') return refused(fault, why);
    const secrets = tools.verifier.staticSecrets(delivery.nowMs);
    const opinion = referenceOpinion(delivery, secrets, false);
    return refused(fault, why, opinion);
  }
  if (error instanceof SecretsUnsettledError) {
    const why = `${error.message}: Gemini is issuing or revoking a secret; try again in a moment`;
    return refused('secrets-unsettled', why);
  }
  if (error instanceof SecretsUnavailableError) {
    return refused('secrets-unavailable', error.message);
  }
  if (error instanceof KeysUnavailableError) {
    const why = `JWKS_URL: got ${tools.config.signature.jwksUrl}, from which Google's keys cannot be read. Remedy: gemini-kafka-bridge config check --connect`;
    return refused('keys-unavailable', why);
  }
  throw error;
}

function refused(
  reason: Reason,
  why: string,
  opinion?: ReturnType<typeof referenceOpinion>,
): Report {
  const { status } = refusalFor(reason);
  return {
    json: { ok: false, reason, status, why, referenceAgrees: opinion?.agrees },
    lines: [`refused: ${status} ${reason}`, why, ...(opinion ? [opinion.line] : [])],
    ok: false,
  };
}
