/** Permissions of callers of the internal API. */
export const SCOPES = ['jobs:write', 'jobs:read', 'webhooks:admin'] as const;

export type Scope = (typeof SCOPES)[number];

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}
