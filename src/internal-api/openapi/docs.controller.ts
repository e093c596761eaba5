import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Controller, Get, Header, Inject, Param, Redirect, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ProblemException } from '../problems/problem.exception.js';
import type { ApiDescription } from './api-description.js';
import { openApiDocument } from './openapi-document.js';
import { CONTENT_SECURITY_POLICY, INITIALIZER, PAGE } from './swagger-ui.js';

export const API_DESCRIPTIONS = Symbol('API descriptions');

const PACKAGE = createRequire(import.meta.url).resolve('swagger-ui-dist/package.json');
const FILES: ReadonlySet<string> = new Set([
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'favicon-32x32.png',
]);

/** Sends a browser from the root of the internal port to the documentation. */
@Controller()
export class RootController {
  @Get()
  @Redirect('/docs', 302)
  redirect(): void {}
}

/**
 * Serves the OpenAPI document and Swagger UI on the internal port. They need no token, because
 * they contain nothing that the repository does not.
 */
@Controller('docs')
export class DocsController {
  /** Built by the first request, so that a start does not wait for it. */
  private document: string | undefined;

  constructor(
    @Inject(API_DESCRIPTIONS) private readonly apis: readonly ApiDescription[],
  ) {}

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
    this.document ??= JSON.stringify(openApiDocument(this.apis));
    return this.document;
  }

  @Get('initializer.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('X-Content-Type-Options', 'nosniff')
  initializer(): string {
    return INITIALIZER;
  }

  /** @throws {ProblemException} 404 for a file that the page does not need. */
  @Get(':file')
  @Header('X-Content-Type-Options', 'nosniff')
  file(@Param('file') file: string, @Res() response: Response): void {
    if (!FILES.has(file)) {
      throw new ProblemException(404, 'not-found', 'there is no such file');
    }
    response.sendFile(file, { root: dirname(PACKAGE) });
  }
}
