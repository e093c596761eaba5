import { DockerfileError, type Instruction } from './dockerfile.js';

export type Values = Readonly<Record<string, string>>;

/** What an image says of how it is run. */
export interface ImageConfig {
  readonly env: Values;
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly labels: Values;
  readonly exposed: readonly string[];
}

/** Of the base image only its PATH matters here: its files are those of this machine. */
export const BASE: ImageConfig = {
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  workdir: '/',
  user: '0:0',
  entrypoint: [],
  labels: {},
  exposed: [],
};
/** What instructions change that touch no file. @throws {DockerfileError} for any other. */
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
      'want it as JSON: a shell would keep signals to itself',
    );
  }
  return JSON.parse(text) as string[];
}
