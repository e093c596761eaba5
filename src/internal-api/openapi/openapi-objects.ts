/*
 * Objects of OpenAPI 3.1, with the members that the document uses.
 *
 * See https://spec.openapis.org/oas/v3.1.0
 */
import type { Schema } from './json-schema.js';

export interface Tag {
  readonly name: string;
  readonly description: string;
}

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
  readonly description?: string;
  readonly content: Content;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Content;
}
