import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHART } from './values-document.js';

const FOLDER = join(CHART, 'examples');

/** The comment at the head of a file in `helm/examples`. */
export interface ExampleHead {
  readonly file: string;
  /** Paragraphs of text, without the comment signs. */
  readonly paragraphs: readonly string[];
  /** Lines of `kubectl` that make the Secrets, as they are typed. */
  readonly commands: string;
}

const isCommands = (part: string): boolean => part.startsWith('kubectl ');

export function exampleHeads(): ExampleHead[] {
  return readdirSync(FOLDER).map((file) => {
    const [head = ''] = /^(#.*\n)+/.exec(readFileSync(join(FOLDER, file), 'utf8')) ?? [];
    const parts = head.replaceAll(/^# ?/gm, '').trim().split('\n\n');
    return {
      file,
      paragraphs: parts.filter((part) => !isCommands(part)),
      commands: parts.filter(isCommands).join('\n'),
    };
  });
}
