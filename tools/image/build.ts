import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, delimiter, dirname, join, posix } from 'node:path';
import { imageNode } from '../../packages/testbed/src/image-node.js';
import { toStderr, type Log } from '../../packages/testbed/src/process/log.js';
import { run, tail } from '../../packages/testbed/src/process/run.js';
import type { BuildContext } from './context.js';
import {
  DockerfileError,
  expanded,
  parseDockerfile,
  type Dockerfile,
  type Instruction,
  type Stage,
} from './dockerfile.js';
import { BASE, configured, type ImageConfig, type Values } from './image-config.js';

/** Variables of this process that a RUN gets: those that say where packages come from. The variables of `npm test` are not among them. */
const PASSED_ON =
  /^(HOME|TMPDIR|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|(https?|no)_proxy|npm_config_(registry|cache|userconfig|globalconfig|cafile))$/i;

interface Built {
  readonly root: string;
  readonly config: ImageConfig;
}

export interface BuildOptions {
  /** The stage to build; the last one when absent. */
  readonly target?: string;
  readonly args?: Values;
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/**
 * Builds the tree of an image without a container engine: carries out a Dockerfile's instructions in
 * folders of this machine. Only the stages that the target needs are built.
 *
 * @param folder must be empty; each stage becomes a folder in it.
 */
export async function build(
  context: BuildContext,
  folder: string,
  { target, args = {}, log = toStderr }: BuildOptions = {},
): Promise<Built> {
  const text = await readFile(join(context.folder, 'Dockerfile'), 'utf8');
  const dockerfile = parseDockerfile(text);
  const wanted = dockerfile.stages.find(({ name }) => name === target);
  const stage = wanted ?? (target === undefined ? dockerfile.stages.at(-1) : undefined);
  if (!stage) throw new Error(`the Dockerfile has no stage ${target}`);
  return new Builder(dockerfile, context, folder, args, await imageNode(log)).built(
    stage,
  );
}

class Builder {
  private readonly done = new Map<string, Promise<Built>>();
  private readonly globals: Record<string, string> = {};

  constructor(
    private readonly dockerfile: Dockerfile,
    private readonly context: BuildContext,
    private readonly folder: string,
    private readonly given: Values,
    private readonly node: string,
  ) {
    for (const arg of dockerfile.args)
      Object.assign(this.globals, this.argument(arg, {}));
  }

  built(stage: Stage): Promise<Built> {
    const known = this.done.get(stage.name) ?? this.buildStage(stage);
    this.done.set(stage.name, known);
    return known;
  }

  private async buildStage(stage: Stage): Promise<Built> {
    const base = this.stageNamed(expanded(stage.base, this.globals));
    const root = join(this.folder, stage.name);
    await mkdir(root);
    let config = BASE;
    if (base) {
      const { root: from, config: inherited } = await this.built(base);
      await copyTree(from, root);
      config = inherited;
    }
    await this.sourcesOf(stage);
    const args: Record<string, string> = {};
    for (const instruction of stage.instructions) {
      config = await this.step(instruction, root, config, args);
    }
    return { root, config };
  }

  private async step(
    instruction: Instruction,
    root: string,
    config: ImageConfig,
    args: Record<string, string>,
  ): Promise<ImageConfig> {
    const values = { ...args, ...config.env };
    const { name } = instruction;
    // In a RUN the shell expands variables
    const text = name === 'RUN' ? instruction.text : expanded(instruction.text, values);
    switch (name) {
      case 'ARG':
        Object.assign(args, this.argument(instruction, values));
        return config;
      case 'WORKDIR':
        await mkdir(join(root, text), { recursive: true, mode: 0o755 });
        return { ...config, workdir: posix.resolve(config.workdir, text) };
      case 'COPY':
        await this.copy(instruction, text, join(root, config.workdir));
        return config;
      case 'RUN':
        await this.shell(text, join(root, config.workdir), values);
        return config;
      default:
        return configured(config, instruction, text);
    }
  }

  private argument(instruction: Instruction, values: Values): Values {
    const [, name = '', preset] = /^(\w+)(?:=(.*))?$/.exec(instruction.text) ?? [];
    if (name === '') throw new DockerfileError(instruction, 'want ARG name[=default]');
    const value = this.given[name] ?? (preset && expanded(preset, values));
    return value === undefined ? {} : { [name]: value };
  }

  /** As Docker does: copies the content of a folder, or a file. */
  private async copy(instruction: Instruction, text: string, workdir: string) {
    const words = text.split(/\s+/);
    const flags = words.filter((word) => word.startsWith('--'));
    const [target = '', ...sources] = words.slice(flags.length).toReversed();
    let from: string | undefined;
    for (const flag of flags) {
      const [key, value = ''] = flag.split('=');
      if (key === '--from') from = await this.rootOf(instruction, value);
      else throw new DockerfileError(instruction, `tools/image does not know ${key}`);
    }
    if (posix.isAbsolute(target))
      throw new DockerfileError(instruction, 'want a relative target');
    for (const source of sources) {
      const path = from === undefined ? this.context.path(source) : join(from, source);
      const isFolder = (await stat(path)).isDirectory();
      const isInto = target.endsWith('/');
      const place = join(
        workdir,
        isInto && !isFolder ? join(target, basename(source)) : target,
      );
      await mkdir(isFolder ? place : dirname(place), { recursive: true });
      if (isFolder) await copyTree(path, place);
      else await copyFile(path, place);
    }
  }

  /** Builds the stages that this one copies from, at the same time, as an engine does. */
  private async sourcesOf({ instructions }: Stage): Promise<void> {
    const names = instructions.flatMap(
      ({ text }) => /^--from=(\S+)/.exec(text)?.[1] ?? [],
    );
    const sources = names.flatMap((name) => this.stageNamed(name) ?? []);
    await Promise.all(sources.map((source) => this.built(source)));
  }

  private async rootOf(instruction: Instruction, name: string): Promise<string> {
    const stage = this.stageNamed(name);
    if (!stage) throw new DockerfileError(instruction, `there is no stage ${name}`);
    return (await this.built(stage)).root;
  }

  private stageNamed(name: string): Stage | undefined {
    return this.dockerfile.stages.find((stage) => stage.name === name);
  }

  private async shell(script: string, cwd: string, values: Values): Promise<void> {
    const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
    const path = [dirname(this.node), process.env['PATH'] ?? ''].join(delimiter);
    const { ok, output } = await run('/bin/sh', ['-ec', `umask 022\n${script}`], {
      cwd,
      env: { ...values, ...Object.fromEntries(passedOn), PATH: path },
    });
    if (!ok) throw new Error(`RUN ${script} failed:\n${tail(output)}`);
  }
}

/** Copies a folder and keeps links and modes. */
async function copyTree(from: string, to: string): Promise<void> {
  const { ok, output } = await run('/bin/cp', ['-a', `${from}/.`, `${to}/`]);
  if (!ok) throw new Error(`${from} could not be copied:\n${tail(output)}`);
}
