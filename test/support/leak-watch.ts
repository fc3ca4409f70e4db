import { inspect } from 'node:util';

/** Matches anything that looks like a token or a private key. */
const TELLTALES = [/eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}/, /-----BEGIN [A-Z ]*PRIVATE KEY-----/];
const secrets = new Set<string>();
const leaks: string[] = [];

/** Registers a secret that no output may contain from now on, neither as it is nor encoded. */
export function watchOutFor(secret: string): string {
  for (const form of formsOf(secret)) secrets.add(form);
  return secret;
}

/** The ways in which a text is found in logs and dumps. */
export function formsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  // The last characters of base64 depend on what follows.
  const base64 = bytes.toString('base64').replace(/.{0,2}=*$/, '');
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    bytes.toString('hex'),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
  ];
}

/** Returns true if a text holds a token, a private key or one of the secrets. */
export function holdsSecrets(text: string): boolean {
  return TELLTALES.some((telltale) => telltale.test(text)) || [...secrets].some((secret) => text.includes(secret));
}

/** Records an output if it contains a secret. */
export function inspectOutput(where: string, ...output: unknown[]): void {
  const text = output
    .map((part) => (typeof part === 'string' ? part : inspect(part, { depth: 9, showHidden: true })))
    .join(' ');
  if (holdsSecrets(text)) leaks.push(`${where}: ${text}`);
}

/** Returns what was found since the last call. */
export function takeLeaks(): string[] {
  return leaks.splice(0);
}
