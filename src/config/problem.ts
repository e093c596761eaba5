/** A setting that is wrong. No member holds a secret: `got` gives its form only. */
export interface Problem {
  /** Name of the variable. */
  readonly setting: string;
  /** The form of what was given, such as `8 characters without the prefix whsec_`. */
  readonly got: string;
  readonly wants: string;
  readonly remedy: string;
}

/** A setting that the bridge ignores, or can start with for now. */
export interface ConfigWarning {
  readonly setting: string;
  readonly warning: string;
}

/** A text does not have the form that its setting wants. The message holds no secret. */
export class FormError extends Error {
  override readonly name = 'FormError';

  /** @param remedy undefined where the setting's own reader knows a better one. */
  constructor(
    readonly got: string,
    readonly wants: string,
    readonly remedy?: string,
  ) {
    super(
      `got ${got}; want ${wants}${remedy === undefined ? '' : `. Remedy: ${remedy}`}`,
    );
  }
}

/** The bridge cannot start with its environment. The message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly problems: readonly Problem[],
    readonly warnings: readonly ConfigWarning[] = [],
  ) {
    const lines = [...problems.map(problemLine), ...warnings.map(warningLine)];
    super(`bad environment\n${lines.map((line) => `  ${line}`).join('\n')}`);
  }
}

/** `PORT: got 70000; want a whole number from 0 to 65535. Remedy: correct it`. */
export function problemLine({ setting, got, wants, remedy }: Problem): string {
  return `${setting}: got ${got}; want ${wants}. Remedy: ${remedy}`;
}

export function warningLine({ setting, warning }: ConfigWarning): string {
  return `${setting}: warning: ${warning}`;
}

/** @param error what a reader or parser of the setting has thrown; other errors are thrown again. */
export function problemOf(setting: string, error: unknown): Problem {
  if (!(error instanceof FormError)) throw error;
  const { got, wants, remedy = `correct ${setting}` } = error;
  return { setting, got, wants, remedy };
}
