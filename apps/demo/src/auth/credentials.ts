export interface Credentials {
  username: string;
  password: string;
}

/** Returns the credentials in a body; `undefined` if it does not have both as strings. The client may send anything. */
export function readCredentials(body: unknown): Credentials | undefined {
  const { username, password } = Object(body) as Partial<Record<keyof Credentials, unknown>>;
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}
