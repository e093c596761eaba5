/** `--platform` is ignored: the platform is this machine's. */
const FROM = /^(?:--platform=\S+ )?([^\s-]\S*)(?: AS (\S+))?$/i;

/** One instruction with its continuation lines joined. */
export interface Instruction {
  readonly line: number;
  readonly name: string;
  readonly text: string;
}

/** A FROM and the instructions up to the next one. */
export interface Stage {
  /** The name after AS, else the number of the stage. */
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** ARGs before the first FROM. Only FROM lines see them. */
  readonly args: readonly Instruction[];
  readonly stages: readonly Stage[];
}

/** The Dockerfile contains something that this reader does not know. No tree is better than a wrong one. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';

  constructor({ line, name, text }: Instruction, why: string) {
    super(`line ${line}, ${name} ${text}: ${why}`);
  }
}

/** @throws {DockerfileError} */
export function parseDockerfile(text: string): Dockerfile {
  const args: Instruction[] = [];
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of instructionsIn(text)) {
    const stage = stages.at(-1);
    if (instruction.name === 'FROM') {
      const [, base, name] = FROM.exec(instruction.text) ?? [];
      if (base === undefined)
        throw new DockerfileError(instruction, 'want FROM x [AS y]');
      stages.push({ base, name: name ?? String(stages.length), instructions: [] });
    } else if (stage) {
      stage.instructions.push(instruction);
    } else if (instruction.name === 'ARG') {
      args.push(instruction);
    } else {
      throw new DockerfileError(instruction, 'must come after the first FROM');
    }
  }
  return { args, stages };
}

function instructionsIn(text: string): Instruction[] {
  const found: Instruction[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [i, raw] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const line = open?.line ?? i + 1;
    const whole = `${open?.text ?? ''}${raw.trim()}`;
    if (whole.endsWith('\\')) {
      open = { line, text: whole.slice(0, -1) };
      continue;
    }
    open = undefined;
    const [, name = '', rest = ''] = /^(\w+)\s*(.*)$/s.exec(whole) ?? [];
    found.push({ line, name: name.toUpperCase(), text: rest });
  }
  return found;
}

/** Replaces `$NAME` and `${NAME}`; an unknown name becomes empty. */
export function expanded(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced: string | undefined, bare: string | undefined) =>
      values[braced ?? bare ?? ''] ?? '',
  );
}
