import type { Schema } from './schemas.js';

/*
 * The objects of OpenAPI that are written here, as far as they are.
 *
 * See https://spec.openapis.org/oas/v3.1.0
 */

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly style?: 'form';
  readonly explode?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Header {
  readonly description?: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

type Content = Readonly<
  Record<string, { readonly schema?: Schema; readonly example?: unknown }>
>;

export interface Body {
  readonly required: boolean;
  readonly content: Content;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Content;
}
