import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tail } from '../process/run.js';
import { spawnManaged, type Exit, type ManagedProcess } from '../process/spawn.js';
import { waitForAnswer, type Answer } from './answers.js';
import { javaCommand, type JavaSetup } from './java-command.js';
import type { KafkaNode, ProxiedListener } from './cluster.js';
import {
  PROXIED,
  propertiesFile,
  type BrokerPlace,
  type Properties,
} from './properties.js';

const START_LIMIT_MS = 90_000;
const RESTART_ATTEMPTS = 3;

/** The chosen port was taken between choosing and binding: worth another try with other ports. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/** One broker of a cluster, in its own JVM. */
export class JavaNode implements KafkaNode {
  readonly id: number;
  /** `host:port` of the PLAINTEXT listener. */
  readonly address: string;
  readonly listeners: Readonly<Record<string, string>>;
  readonly proxied?: ProxiedListener;
  private process: ManagedProcess | undefined;
  private exit: Exit | undefined;

  constructor(
    readonly place: BrokerPlace,
    private readonly clusterId: string,
    private readonly java: JavaSetup,
  ) {
    this.id = place.id;
    this.address = `127.0.0.1:${place.brokerPort}`;
    this.listeners = Object.fromEntries(
      Object.entries(place.furtherPorts).map(([name, port]) => [
        name,
        `127.0.0.1:${port}`,
      ]),
    );
    const target = this.listeners[PROXIED];
    if (place.proxyPort !== undefined && target !== undefined) {
      this.proxied = { listen: `127.0.0.1:${place.proxyPort}`, target };
    }
  }

  /** Process id of the JVM. `restart()` changes it. */
  get pid(): number {
    if (!this.process) throw new Error(`Kafka broker ${this.id} was never started`);
    return this.process.pid;
  }

  get propertiesPath(): string {
    return join(this.place.folder, 'server.properties');
  }

  private get logPath(): string {
    return join(this.place.folder, 'broker.log');
  }

  async prepare(properties: Properties): Promise<void> {
    await mkdir(this.place.folder, { recursive: true });
    await writeFile(this.propertiesPath, propertiesFile(properties));
  }

  launch(): void {
    const { command, args } = javaCommand(this.java, 'kafka.Kafka', [
      this.propertiesPath,
    ]);
    this.exit = undefined;
    const launched = spawnManaged({
      command,
      args,
      cwd: this.place.folder,
      output: { file: this.logPath },
    });
    this.process = launched;
    void this.noteExit(launched);
  }

  private async noteExit(launched: ManagedProcess): Promise<void> {
    const exit = await launched.exited;
    if (this.process === launched) this.exit = exit;
  }

  /** Resolves when this broker answers a metadata request as a member of its own cluster and the answer satisfies. */
  async answers(satisfies: (answer: Answer) => boolean): Promise<void> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    const problem: { text?: string } = {};
    const belongs = (answer: Answer) =>
      answer.clusterId === this.clusterId && satisfies(answer);
    await waitForAnswer(this.address, belongs, () => {
      if (this.exit)
        problem.text = `ended at start (exit code ${this.exit.code ?? this.exit.signal})`;
      else if (performance.now() > deadlineMs)
        problem.text = `gave no answer in ${START_LIMIT_MS} ms`;
      if (problem.text !== undefined) throw new Error(problem.text);
    }).catch(async () => this.fail(problem.text ?? 'could not be asked'));
  }

  /** Freezes the broker (SIGSTOP): its connections stay open and nothing answers. */
  async pause(): Promise<void> {
    await this.process?.pause();
  }

  async resume(): Promise<void> {
    this.process?.kill('SIGCONT');
  }

  /** SIGKILL; resolves when the process is gone. What it had not written to disk is lost, as in a crash. */
  async kill(): Promise<void> {
    this.process?.kill('SIGKILL');
    await this.process?.exited;
  }

  /** SIGTERM; resolves when the broker has ended in its own way. */
  async shutDown(): Promise<void> {
    await this.process?.stop(START_LIMIT_MS);
  }

  /** The same ports and data; resolves when the broker takes part in its cluster again. Kills it first if it runs. */
  async restart(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.kill();
      this.launch();
      try {
        return await this.answers((answer) => answer.brokerIds.includes(this.id));
      } catch (error) {
        // One of three brokers that start at once may give up, for want of the others
        if (!this.exit || attempt === RESTART_ATTEMPTS) throw error;
      }
    }
  }

  private async fail(problem: string): Promise<never> {
    const log = await readFile(this.logPath, 'utf8').catch(() => '');
    const message = `Kafka broker ${this.id} ${problem}; its folder is ${this.place.folder}, the end of its log:\n${tail(log) || '(empty)'}`;
    throw /Address already in use|BindException/.test(log)
      ? new PortTakenError(message)
      : new Error(message);
  }
}
