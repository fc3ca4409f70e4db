export interface Credentials {
  username: string;
  password: string;
}

/** A body is whatever the client sent: anything but two strings is no credentials. */
export function readCredentials(body: unknown): Credentials | undefined {
  const { username, password } = Object(body) as Partial<Record<keyof Credentials, unknown>>;
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}
