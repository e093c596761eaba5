/** A table of a page: the line of its head, and the cells of each row, without the rule. */
export interface Table {
  readonly line: number;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The text under a heading, up to the next heading of its level or above. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`the page has no heading "${heading}"`);
  const level = heading.indexOf(' ');
  const end = lines.findIndex(
    (line, at) => at > start && /^#+ /.test(line) && line.indexOf(' ') <= level,
  );
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n');
}

/** The tables of a text, in order. Fenced code has none. */
export function tables(text: string): Table[] {
  const lines = withoutFences(text);
  return lines.flatMap((line, at) => {
    if (!line.startsWith('|') || !isRule(lines[at + 1])) return [];
    const body = lines.slice(at + 2);
    const length = body.findIndex((each) => !each.startsWith('|'));
    const rest = length < 0 ? body : body.slice(0, length);
    return [{ line: at + 1, head: cells(line), rows: rest.map(cells) }];
  });
}

/** The rows of all tables in a text, without heads and rules. */
export function rows(text: string): string[][] {
  return tables(text).flatMap((table) => table.rows.map((row) => [...row]));
}

/** The code of a cell that consists of one code span; undefined for other cells. */
export function code(cell: string | undefined): string | undefined {
  return /^`([^`]+)`$/.exec(cell ?? '')?.[1];
}

/** The targets of all links and images: `../a.md#b`. Code has none. */
export function links(text: string): string[] {
  const prose = withoutFences(text)
    .join('\n')
    .replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^()\s]+)\)/g), ([, target = '']) => target);
}

/** The anchors that GitHub gives the headings of a page. */
export function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const line of withoutFences(text)) {
    const heading = /^#+ (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let n = 1; found.has(anchor); n++) anchor = `${slug}-${n}`;
    found.add(anchor);
  }
  return found;
}

/** The code of all fences of one language: `sh`, `ts`. */
export function fences(text: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms');
  return Array.from(text.matchAll(fence), ([, content = '']) => content);
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

/** Line by line, with the lines of fenced code left empty. */
function withoutFences(text: string): string[] {
  let isCode = false;
  return text.split('\n').map((line) => {
    const isFence = line.trimStart().startsWith('```');
    if (isFence) isCode = !isCode;
    return isFence || isCode ? '' : line;
  });
}

function cells(line: string): string[] {
  const text = line.trimEnd();
  const end = text.endsWith('|') ? -1 : undefined;
  return text
    .slice(1, end)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

function isRule(line = ''): boolean {
  return /^\|[\s|:-]+\|$/.test(line);
}
