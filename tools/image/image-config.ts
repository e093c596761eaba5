import { DockerfileError, type Instruction } from './dockerfile.js';

export type Values = Readonly<Record<string, string>>;

/** The configuration of an image: how it is run. */
export interface ImageConfig {
  readonly env: Values;
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly labels: Values;
  readonly exposed: readonly string[];
}

/** The base image's configuration. Its files are replaced by those of this machine. */
export const BASE: ImageConfig = {
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  workdir: '/',
  user: '0:0',
  entrypoint: [],
  labels: {},
  exposed: [],
};

/**
 * Applies an instruction that changes the configuration and no file.
 *
 * @throws {DockerfileError} for any other instruction.
 */
export function configured(
  config: ImageConfig,
  instruction: Instruction,
  text: string,
): ImageConfig {
  switch (instruction.name) {
    case 'ENV':
      return { ...config, env: { ...config.env, ...pair(instruction, text) } };
    case 'LABEL':
      return { ...config, labels: { ...config.labels, ...pair(instruction, text) } };
    case 'USER':
      return { ...config, user: text };
    case 'EXPOSE':
      return { ...config, exposed: [...config.exposed, ...text.split(/\s+/)] };
    case 'ENTRYPOINT':
      return { ...config, entrypoint: execForm(instruction, text) };
    default:
      throw new DockerfileError(instruction, 'tools/image does not know it');
  }
}

function pair(instruction: Instruction, text: string): Values {
  const [, name, quoted, bare] = /^([\w.]+)=(?:"([^"]*)"|(\S*))$/.exec(text) ?? [];
  if (name === undefined) throw new DockerfileError(instruction, 'want one name=value');
  return { [name]: quoted ?? bare ?? '' };
}

function execForm(instruction: Instruction, text: string): string[] {
  if (!text.startsWith('[')) {
    throw new DockerfileError(
      instruction,
      'want a JSON array: a shell does not pass signals on',
    );
  }
  return JSON.parse(text) as string[];
}
