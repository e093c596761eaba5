import { timeText, type CapturedDelivery } from './captured-delivery.js';

const NEEDED = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const FRESH_SECONDS = 300;

export function explainMissing({ headers }: CapturedDelivery): string {
  const missing = NEEDED.filter((name) => !headers[name]);
  return `the request has no ${missing.join(' and no ')}`;
}

export function explainMalformed({ headers }: CapturedDelivery): string {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '' } = headers;
  if (!/^\d{1,12}$/.test(timestamp)) {
    return `webhook-timestamp is ${JSON.stringify(timestamp)}; want seconds since 1970, digits only, once`;
  }
  if (id.includes(',')) return 'the request has webhook-id twice, or with a comma';
  if (id.includes('.')) {
    return 'webhook-id has a full stop, which separates the signed parts';
  }
  return 'webhook-id or webhook-signature is malformed; want an id of 1 to 256 visible characters, and 1 to 64 entries like v1,<base64> with one space between them';
}

export function explainStale({ headers, nowMs }: CapturedDelivery): string {
  const signedAt = Number(headers['webhook-timestamp']) * 1000;
  const seconds = Math.round((nowMs - signedAt) / 1000);
  const distance = seconds > 0 ? `${seconds} s before` : `${-seconds} s after`;
  return `Gemini signed it at ${timeText(signedAt)}, ${distance} ${timeText(nowMs)}; the limit is ${FRESH_SECONDS} s. It is a replay, or a clock is wrong`;
}
