import { isUtf8 } from 'node:buffer';
import { compress } from './compression.js';
import { LOOKALIKES, PLAIN } from './readings.js';

/**
 * A secret that compression shortens by this many bits was made up by a person. Random secrets get shorter only by chance: of those with 32
 * characters of base64, one in 2,000 saves 10 bits, and two more bits are three times as rare. So about one in ten million is rejected.
 */
const SAVED_BITS = 26;
/** A secret with this many random bits is strong enough, even beside words: the security strength that NIST SP 800-131A requires. */
const RANDOM_BITS = 112;
/** The number of characters that are read. More of them would not change the result. */
const LONGEST = 256;

/** Secrets that are random but were published. */
const PUBLISHED_SECRETS: ReadonlySet<string> = new Set(
  [
    // RFC 7515, appendix A.1, and RFC 7520, section 3.5.
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg',
    // The tutorials of FastAPI and Hasura, and those about Spring Security.
    '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
    '3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R',
    '404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
  ].flatMap((secret) => textsOf(Buffer.from(secret)).map(lettersAndDigits)),
);

/**
 * Returns the reason why a long secret can still be guessed, as the rest of a sentence; undefined if none is known (RFC 8725 section 3.5).
 * No check can prove that a secret is random. This one recognizes secrets that people made up.
 */
export function whyGuessable(secret: Buffer): string | undefined {
  const texts = textsOf(secret);
  if (texts.some((text) => PUBLISHED_SECRETS.has(lettersAndDigits(text)))) return 'was published as an example';
  if (texts.some(isMadeUp)) return 'is not random: it is made of words, keyboard patterns or repeated pieces';
  return undefined;
}

/** Removes case and signs, so that base64 and base64url are equal. */
function lettersAndDigits(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Returns the secret as text, and any text that is encoded in it. */
function textsOf(secret: Buffer): string[] {
  const text = asText(secret);
  // The application may have decoded a text as if it were base64.
  if (text === undefined) return [secret.toString('hex'), secret.toString('base64')];
  const decoded = [
    ...(/^[\w+/-]+=*$/.test(text) ? [Buffer.from(text, 'base64')] : []),
    ...(/^(?:0x)?[\da-f]+$/i.test(text) ? [Buffer.from(text.replace(/^0x/i, ''), 'hex')] : []),
  ];
  return [text, ...decoded.map(asText).filter((other) => other !== undefined)];
}

/** Returns bytes as text without accents; undefined if they are not text. */
function asText(bytes: Buffer): string | undefined {
  const text = bytes.toString().trim();
  if (!isUtf8(bytes) || !/[\p{L}\d]/u.test(text) || /(?!\s)[\p{C}\uFFFD]/u.test(text)) return undefined;
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '');
}

/** Returns true if the text was made up by a person. */
function isMadeUp(text: string): boolean {
  // Generators of secrets use only Latin letters.
  if ((text.match(/[^\p{Script=Latin}\P{L}]/gu) ?? []).length >= 8) return true;
  const beginning = text.slice(0, LONGEST);
  return [PLAIN, LOOKALIKES].some((reading) => {
    const { saved, random } = compress(reading.read(beginning), RANDOM_BITS);
    return saved >= SAVED_BITS && random < RANDOM_BITS;
  });
}
