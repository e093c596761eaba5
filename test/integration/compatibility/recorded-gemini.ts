import type { RequestListener } from 'node:http';
import { GoogleKeys } from '../../../packages/gemini-emulator/src/deliveries/signing.js';
import { JWKS_PATH } from '../../../packages/gemini-emulator/src/deliveries/jwks.js';
import { json, LoopbackServer, text } from '../../support/loopback-server.js';

/** The secret in the answer to a rotation. */
export const ISSUED_SECRET = `whsec_${Buffer.alloc(32, 'issued').toString('base64')}`;

/** A server that answers GET requests with the recorded answers of a fixture, and issues secrets. */
export class RecordedGemini implements AsyncDisposable {
  /** Signs deliveries to capability URLs. */
  readonly keys = GoogleKeys.create();
  /** Requests other than GET, as `POST /path`. */
  readonly changes: string[] = [];

  private constructor(
    private readonly server: LoopbackServer,
    private readonly answers: Readonly<Record<string, unknown>>,
  ) {
    server.answer = (request, response) => this.answer(request, response);
  }

  static async start(
    answers: Readonly<Record<string, unknown>>,
  ): Promise<RecordedGemini> {
    return new RecordedGemini(await LoopbackServer.start(), answers);
  }

  get url(): string {
    return this.server.url;
  }

  get jwksUrl(): string {
    return `${this.url}${JWKS_PATH}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }

  private readonly answer: RequestListener = (request, response) => {
    const { pathname } = new URL(request.url ?? '/', this.url);
    if (request.method !== 'GET') {
      this.changes.push(`${request.method} ${pathname}`);
      const isRotation = pathname.endsWith(':rotateSigningSecret');
      const answer = isRotation ? json({ secret: ISSUED_SECRET }) : text(400, '{}');
      return answer(request, response);
    }
    const found = pathname === JWKS_PATH ? this.keys.jwks() : this.answers[pathname];
    const answer = found === undefined ? text(404, '{}') : json(found);
    return answer(request, response);
  };
}
