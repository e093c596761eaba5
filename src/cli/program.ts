import { Logger } from '@nestjs/common';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { STATIC_ROUTE } from '../events/webhook-routes.js';
import { checkConfig, type CheckOptions } from './config-command.js';
import { deliverSynthetic, type DeliverOptions } from './deliver-command.js';
import { errorJson, errorText, isExpected } from './expected-errors.js';
import { generateKey } from './keys-command.js';
import type { Report, Terminal } from './terminal.js';
import { topicsCommand } from './topics-command.js';
import { verifyCapture, type VerifyOptions } from './verify-command.js';
import {
  ensureWebhooks,
  forgetWebhook,
  listWebhooks,
  pingWebhook,
  rotateWebhook,
  type RotateOptions,
} from './webhooks-command.js';

/** @returns the exit code: 0; 1 for a fault or a failure; 2 for a command line that is not understood. */
export async function runCli(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  Logger.overrideLogger(false); // the report or the error has what matters
  const cli = new Cli(terminal);
  try {
    await cli.program.parseAsync([...args], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.err(`${errorText(error)}\n`);
    return 1;
  }
}

/** The command line: usage and options. The commands themselves are in files of their own. */
class Cli {
  readonly program: Command;
  exitCode = 0;

  constructor(private readonly terminal: Terminal) {
    this.program = new Command('gemini-kafka-bridge')
      .description(
        'Inspects and administers a bridge, with the environment of the bridge.',
      )
      .exitOverride()
      .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
      .showHelpAfterError('(--help lists commands and options)');
    this.addWebhooks();
    this.addTopics();
    this.addConfig();
    this.addKeys();
    this.addVerify();
    this.addDeliver();
  }

  private addWebhooks(): void {
    const { env } = this.terminal;
    const webhooks = this.program
      .command('webhooks')
      .description("the project's static webhooks (GEMINI_API_KEY, VAULT_KEYS_FILE)");
    this.add(webhooks, 'list', "list them, and the bridge's secrets of them", () =>
      listWebhooks(env),
    );
    this.add(
      webhooks,
      'ensure',
      'compare them with WEBHOOKS once and repair differences, with any WEBHOOKS_MODE',
      () => ensureWebhooks(env),
    );
    this.add(webhooks, 'rotate <id>', 'have Gemini issue a new secret', (command) =>
      rotateWebhook(env, argumentOf(command), command.opts<RotateOptions>()),
    )
      .option('--immediately', 'revoke the older secrets at once, not after 24 hours')
      .option('--force', 'also while the secrets of the last rotation are valid');
    this.add(webhooks, 'ping <id>', 'have Gemini send a ping', (command) =>
      pingWebhook(env, argumentOf(command)),
    );
    this.add(
      webhooks,
      'forget <id>',
      'remove an entry from the store of secrets, and change nothing at Gemini',
      (command) => forgetWebhook(env, argumentOf(command)),
    );
  }

  private addTopics(): void {
    const { env } = this.terminal;
    const topics = this.program
      .command('topics')
      .description("the bridge's topics on Kafka");
    this.add(
      topics,
      'check',
      'check that they exist and are as durable as configured',
      () => topicsCommand(env, 'check'),
    );
    this.add(topics, 'create', 'create the missing ones', () =>
      topicsCommand(env, 'create'),
    );
  }

  private addConfig(): void {
    const config = this.program
      .command('config')
      .description('the environment variables');
    this.add(
      config,
      'check',
      'check all that the start of the bridge checks',
      (command) => checkConfig(this.terminal, command.opts<CheckOptions>()),
    )
      .option('--connect', 'also ask Kafka, Redis, Gemini and the key sets')
      .option('--timeout <seconds>', 'time limit for each of them', seconds, 10);
  }

  private addKeys(): void {
    const keys = this.program
      .command('keys')
      .description('keys for CAPABILITY_KEYS_FILE and VAULT_KEYS_FILE');
    this.add(keys, 'generate', 'print a line for the top of the file', (command) =>
      generateKey(command.opts<{ kid?: string }>().kid),
    ).option('--kid <name>', 'name of the key; by default made of the date');
  }

  private addVerify(): void {
    this.add(
      this.program,
      'verify <file>',
      'explain why a captured request is accepted or refused',
      (command) =>
        verifyCapture(
          this.terminal.env,
          argumentOf(command),
          command.opts<VerifyOptions>(),
        ),
    )
      .option(
        '--at <time>',
        'verify as of this time: RFC 3339, now, or captured for the time in the capture',
        'captured',
      )
      .addHelpText(
        'after',
        `
The file is an HTTP request as it arrived, or JSON: {"path", "headers", "body" or "bodyBase64"}.
Keys and secrets are those of the environment: WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE, the vault,
CAPABILITY_KEYS_FILE, JWKS_URL, JWT_AUDIENCE and the other JWT_… settings.`,
      );
  }

  private addDeliver(): void {
    this.add(
      this.program,
      'deliver',
      'send the bridge a signed delivery, a duplicate and forgeries, and check the answers',
      (command) => deliverSynthetic(this.terminal.env, command.opts<DeliverOptions>()),
    )
      .requiredOption(
        '--url <base>',
        `of the public port, or PUBLIC_URL; the command appends ${STATIC_ROUTE}`,
        baseUrl,
      )
      .option(
        '--wait <seconds>',
        'how long to wait for a bridge to be ready',
        seconds,
        30,
      )
      .option('--timeout <seconds>', 'time limit for each answer', seconds, 10)
      .addHelpText(
        'after',
        `
A secret of the environment signs it: WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE or the vault. The command
waits for one that WEBHOOKS will bring. Without any, it sends only the forgeries. The type of the event
is bridge.synthetic, so it goes to <prefix>.other, where subscribers see it.`,
      );
  }

  /** Adds a command with a report, which `--json` prints for scripts. */
  private add(
    parent: Command,
    usage: string,
    description: string,
    work: (command: Command) => Report | Promise<Report>,
  ): Command {
    return parent
      .command(usage)
      .description(description)
      .addOption(new Option('--json', 'print JSON, for scripts'))
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const isJson = command.opts<{ json?: boolean }>().json ?? false;
        const { json, lines, ok = true } = await reportOf(() => work(command), isJson);
        this.terminal.out(isJson ? `${JSON.stringify(json)}\n` : `${lines.join('\n')}\n`);
        if (!ok) this.exitCode = 1;
      });
  }
}

/** With `--json` an expected error is a report, too, so that a script can read it. */
async function reportOf(
  work: () => Report | Promise<Report>,
  isJson: boolean,
): Promise<Report> {
  try {
    return await work();
  } catch (error) {
    if (!isJson || !isExpected(error)) throw error;
    return { json: errorJson(error), lines: [], ok: false };
  }
}

/** The argument that the usage of the command requires. */
function argumentOf(command: Command): string {
  return command.args[0] as string;
}

function baseUrl(text: string): string {
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('want http://host:port or https://host/path');
  }
  return text.replace(/\/+$/, '');
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('want a whole number of seconds');
}
