import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { anchors, links, tables } from '../support/markdown.js';

const ROOT = join(import.meta.dirname, '..', '..');
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git']);
const README_LINES = 150;
const README_BYTES = 9 * 1024;

const pages = markdownBelow(ROOT);
const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');

describe.each(pages)('%s', (page) => {
  const text = textOf(page);

  it('has the same number of cells in each row of a table as in its head', () => {
    const wrong = tables(text).flatMap(({ line, head, rows }) =>
      rows.flatMap((row, at) =>
        row.length === head.length ? [] : [`line ${line + 2 + at}: ${row.join(' | ')}`],
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('has links whose files and headings exist', () => {
    const internal = links(text).filter((target) => !/^[a-z]+:/.test(target));
    expect(internal.filter((target) => !resolves(page, target))).toEqual([]);
  });
});

describe('the README', () => {
  it('is at most 150 lines and 9 KiB', () => {
    const text = textOf('README.md');
    expect(text.split('\n').length - 1).toBeLessThanOrEqual(README_LINES);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(README_BYTES);
  });

  it('links to every page of docs, directly or not', () => {
    const reached = new Set<string>(['README.md']);
    // A loop over a Set also visits the entries that are added meanwhile
    for (const page of reached) {
      for (const target of links(textOf(page))) {
        const [path = ''] = target.split('#');
        const file = relative(ROOT, resolve(ROOT, dirname(page), path));
        if (pages.includes(file)) reached.add(file);
      }
    }
    const docs = pages.filter((page) => page.startsWith(join('docs', '/')));
    expect(docs.filter((page) => !reached.has(page))).toEqual([]);
  });
});

describe('the check of pages', () => {
  it('finds a row with a wrong number of cells', () => {
    const text = '| a | b |\n| --- | --- |\n| 1 | `2` |\n| 1 | 2 | 3 |\n';
    expect(tables(text)[0]?.rows.map(({ length }) => length)).toEqual([2, 3]);
  });

  it('finds a link without a target', () => {
    expect(links('[a](b.md#c), `[d](e)`\n```\n[f](g)\n```\n')).toEqual(['b.md#c']);
    expect(resolves('README.md', 'LICENSE')).toBe(true);
    expect(resolves('README.md', 'no-such-file.md')).toBe(false);
    expect(resolves('README.md', '#run-it')).toBe(true);
    expect(resolves('README.md', '#no-such-heading')).toBe(false);
  });

  it('spells anchors as GitHub does', () => {
    const text = "# `GET /v1` & the bridge's _own_ key\n## A\n## A\n";
    expect([...anchors(text)]).toEqual(['get-v1--the-bridges-_own_-key', 'a', 'a-1']);
  });
});

/** The Markdown files below a folder that are neither generated nor installed, as paths from the repository's root. */
function markdownBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : markdownBelow(path);
    return entry.name.endsWith('.md') ? [relative(ROOT, path)] : [];
  });
}

function resolves(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
  if (!existsSync(file)) return false;
  if (anchor === undefined || statSync(file).isDirectory()) return anchor === undefined;
  return anchors(readFileSync(file, 'utf8')).has(anchor);
}
