/** An HTTP answer with JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Sends an object as JSON or a string as it is. */
export async function post(
  url: string,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return parsed(
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
}

export async function get(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return parsed(await fetch(url, { headers }));
}

async function parsed(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers, body: JSON.parse(await response.text()) };
}
