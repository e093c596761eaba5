import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { AccessConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { WatchedFile } from '../../infrastructure/files/watched-file.js';
import { AuthError } from './auth.error.js';
import { findFileToken, parseFileTokens, type FileToken } from './file-tokens.js';
import { isJws, OidcTokens } from './oidc-tokens.js';
import type { Principal } from './principal.js';
import { SCOPES } from '../../config/api-scopes.js';

const BEARER = /^Bearer ([\x21-\x7e]{1,8192})$/i;
/** Every caller, with `API_AUTH=none`. */
const ANYONE: Principal = { name: 'anyone', scopes: new Set(SCOPES) };

/** Finds the caller of a bearer token of `API_TOKENS_FILE` or of the OIDC issuer. */
@Injectable()
export class Authenticator implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly open: boolean;
  private readonly fileTokens: WatchedFile<FileToken[]> | undefined;
  private readonly oidcTokens: OidcTokens | undefined;

  constructor(@InjectConfig('access') access: AccessConfig, metrics: Metrics) {
    this.open = access.open;
    this.fileTokens =
      access.tokensFile === undefined
        ? undefined
        : new WatchedFile('API_TOKENS_FILE', access.tokensFile, parseFileTokens);
    this.oidcTokens = access.oidc && new OidcTokens(access.oidc);
    if (this.oidcTokens) metrics.observeKeys('issuer', this.oidcTokens.keys);
  }

  /**
   * @param authorization value of the `Authorization` header.
   * @throws {AuthError}
   */
  async principalOf(authorization: string | undefined): Promise<Principal> {
    if (this.open) return ANYONE;
    const token = bearerToken(authorization);
    const known = this.fileTokens && findFileToken(token, this.fileTokens.value);
    if (known) return known;
    if (this.oidcTokens && isJws(token)) return this.oidcTokens.principalOf(token);
    throw new AuthError('token-unknown');
  }

  onApplicationBootstrap(): void {
    this.oidcTokens?.keys.keepFresh();
  }

  onModuleDestroy(): void {
    this.oidcTokens?.keys.close();
    this.fileTokens?.close();
  }
}

function bearerToken(authorization = ''): string {
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return token;
  const isGiven = /^Bearer\s+\S/i.test(authorization);
  throw new AuthError(isGiven ? 'token-invalid' : 'token-missing');
}
