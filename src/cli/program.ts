import { Logger } from '@nestjs/common';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/problem.js';
import { STATIC_ROUTE } from '../events/webhook-routes.js';
import { GeminiError } from '../gemini/gemini.error.js';
import { TopicsError } from '../infrastructure/kafka/topics.js';
import { ProblemException } from '../internal-api/problems/problem.exception.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import { checkConfig, type CheckOptions } from './config-command.js';
import { deliverSynthetic, type DeliverOptions } from './deliver-command.js';
import { generateKey } from './keys-command.js';
import { CommandError, type Report, type Terminal } from './terminal.js';
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

/** What a command says without a stack: it names the remedy itself. */
const EXPECTED = [
  CommandError,
  ConfigError,
  ProblemException,
  GeminiError,
  SecretsUnavailableError,
  TopicsError,
] as const;

/** @returns the exit code: 0, 1 for what is wrong, 2 for a call that is not understood. */
export async function runCli(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  Logger.overrideLogger(false); // what matters is in the report, or in the error
  let code = 0;
  const program = programFor(terminal, (ok) => {
    if (!ok) code = 1;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.err(`${messageOf(error)}\n`);
    return 1;
  }
}

function programFor(terminal: Terminal, ended: (ok: boolean) => void): Command {
  const { env } = terminal;
  const program = new Command('gemini-kafka-bridge')
    .description(
      'Looks at and administers a bridge, with the environment that it runs with.',
    )
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('(--help says what there is)');

  /** A command that reports, for programs with `--json`. */
  const report = (
    parent: Command,
    usage: string,
    description: string,
    work: (command: Command) => Report | Promise<Report>,
  ): Command =>
    parent
      .command(usage)
      .description(description)
      .addOption(new Option('--json', 'for programs'))
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const isJson = command.opts<{ json?: boolean }>().json ?? false;
        const { json, lines, ok = true } = await reportOf(() => work(command), isJson);
        terminal.out(isJson ? `${JSON.stringify(json)}\n` : `${lines.join('\n')}\n`);
        ended(ok);
      });

  const webhooks = program
    .command('webhooks')
    .description("the project's static webhooks (GEMINI_API_KEY, VAULT_KEYS_FILE)");
  report(webhooks, 'list', 'what Gemini has, and which secrets the vault holds', () =>
    listWebhooks(env),
  );
  report(
    webhooks,
    'ensure',
    'compare with WEBHOOKS once and mend it, whatever WEBHOOKS_MODE says',
    () => ensureWebhooks(env),
  );
  report(webhooks, 'rotate <id>', 'have Gemini issue another secret', (command) =>
    rotateWebhook(env, command.args[0] as string, command.opts<RotateOptions>()),
  )
    .option('--immediately', 'revoke the secrets before it at once, not after 24 hours')
    .option('--force', 'also while the secrets of the last rotation are live');
  report(webhooks, 'ping <id>', 'have Gemini send a ping', (command) =>
    pingWebhook(env, command.args[0] as string),
  );

  report(
    webhooks,
    'forget <id>',
    'take a webhook, or what cannot be settled, out of the vault only',
    (command) => forgetWebhook(env, command.args[0] as string),
  );

  const topics = program.command('topics').description("the bridge's topics on Kafka");
  report(topics, 'check', 'are they there, and as durable as configured?', () =>
    topicsCommand(env, 'check'),
  );
  report(topics, 'create', 'make those that are missing', () =>
    topicsCommand(env, 'create'),
  );

  const config = program.command('config').description('the environment variables');
  report(config, 'check', 'check all that the start of the bridge checks', (command) =>
    checkConfig(terminal, command.opts<CheckOptions>()),
  )
    .option('--connect', 'also ask Kafka, Redis, Gemini and the key sets')
    .option('--timeout <seconds>', 'for each of them', seconds, 10);

  const keys = program
    .command('keys')
    .description('keys for CAPABILITY_KEYS_FILE and VAULT_KEYS_FILE');
  report(keys, 'generate', 'a line for the top of the file', (command) =>
    generateKey(command.opts<{ kid?: string }>().kid),
  ).option('--kid <name>', 'its name; the date when absent');

  report(
    program,
    'verify <file>',
    'say why a captured request is taken or refused',
    (command) =>
      verifyCapture(env, command.args[0] as string, command.opts<VerifyOptions>()),
  )
    .option(
      '--at <time>',
      'as of then, RFC 3339 or `captured` for the time that it says itself',
      'captured',
    )
    .addHelpText(
      'after',
      `
The file is an HTTP request as it came, or JSON: {"path", "headers", "body" or "bodyBase64"}.
Keys and secrets are those of the environment: WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE, the vault,
CAPABILITY_KEYS_FILE, JWKS_URL, JWT_AUDIENCE and the other JWT_… settings.`,
    );

  report(
    program,
    'deliver',
    'send the bridge a delivery of our own, a repeat and forgeries, and look at its answers',
    (command) => deliverSynthetic(env, command.opts<DeliverOptions>()),
  )
    .requiredOption(
      '--url <base>',
      `of the public port, or PUBLIC_URL; ${STATIC_ROUTE} is put behind it`,
      baseUrl,
    )
    .option('--wait <seconds>', 'for a bridge that is not ready yet', seconds, 30)
    .option('--timeout <seconds>', 'for each answer', seconds, 10)
    .addHelpText(
      'after',
      `
It is signed with a secret of the environment: WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE or the vault.
Without any, only the forgeries are sent; one that WEBHOOKS will bring is waited for. The event's
type is bridge.synthetic, so that it goes to <prefix>.other; subscribers of that topic see it.`,
    );
  return program;
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
    const about =
      error instanceof ConfigError
        ? { problems: error.problems, warnings: error.warnings }
        : { error: messageOf(error) };
    return { json: { ok: false, ...about }, lines: [], ok: false };
  }
}

function isExpected(error: unknown): boolean {
  return EXPECTED.some((kind) => error instanceof kind);
}

function baseUrl(text: string): string {
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('want http://host:port or https://host/path');
  }
  return text.replace(/\/+$/, '');
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('want seconds, a whole number');
}

function messageOf(error: unknown): string {
  if (isExpected(error)) {
    const { message } = error as Error;
    const { reason = '' } = error instanceof GeminiError ? error : {};
    const code = error instanceof ProblemException ? `${error.code}: ` : '';
    return `${code}${message}${message.includes(reason) ? '' : `: ${reason}`}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
