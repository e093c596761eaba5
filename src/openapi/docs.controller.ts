import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { openApi } from './openapi.js';
import { CONTENT_SECURITY_POLICY, INITIALIZER, PAGE } from './swagger-ui.js';

const PACKAGE = createRequire(import.meta.url).resolve('swagger-ui-dist/package.json');
const FILES: ReadonlySet<string> = new Set([
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'favicon-32x32.png',
]);

/**
 * The OpenAPI document and Swagger UI, on the internal port and without a token: they tell
 * nothing that this repository does not.
 */
@Controller('docs')
export class DocsController {
  private document: string | undefined;

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  @Header('X-Content-Type-Options', 'nosniff')
  page(): string {
    return PAGE;
  }

  @Get('openapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  openApi(): string {
    this.document ??= JSON.stringify(openApi());
    return this.document;
  }

  @Get('initializer.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('X-Content-Type-Options', 'nosniff')
  initializer(): string {
    return INITIALIZER;
  }

  /** @throws {ProblemException} 404 for all but the files that the page needs. */
  @Get(':file')
  @Header('X-Content-Type-Options', 'nosniff')
  file(@Param('file') file: string, @Res() response: Response): void {
    if (!FILES.has(file))
      throw new ProblemException(404, 'not-found', 'there is no such file');
    response.sendFile(file, { root: dirname(PACKAGE) });
  }
}
