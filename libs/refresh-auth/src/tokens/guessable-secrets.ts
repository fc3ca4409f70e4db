/** What placeholders are made of, in documentation, tutorials and templates of configuration files. */
const PLACEHOLDER_WORDS = `
  a access admin an and any api app application at auth authentication authorization backend be bit bits by byte bytes cat change changed
  changeit changeme character characters code complex cookie create default demo dev develop development do dummy example fixme for from
  generate generated guess hard has here hidden hmac hs256 hs384 hs512 in insecure insert instead is it jwt keep key keyboard keys least
  length long make me min minimum must my name nest nestjs node not of only or our outside passphrase passw0rd password placeholder please
  private prod production project put qwerty qwertyuiop random real really refresh replace replaced required s3cr3t safe sample secret
  secrets secretkey secure security server service session set should sign signature signing some something source string strong super tbd
  test testing text that the this to tobemodified todo token tokens top truly unsafe use used user valid value very web which with your`
  .trim()
  .split(/\s+/);

/** Random once, and copied ever since. */
const PUBLISHED_SECRETS: ReadonlySet<string> = new Set(
  [
    // RFC 7515, appendix A.1, and RFC 7520, section 3.5.
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg',
    // The tutorials of FastAPI, Hasura and PostgREST, and those about Spring Security.
    '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
    '3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R',
    'reallyreallyreallyreallyverysafe',
    '404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970',
  ].map(lettersAndDigits),
);

/** A line of the keyboard or the alphabet has nearly all of its characters in a row; one drawn at random, hardly any. */
const SHARE_OF_SEQUENCE = 7 / 8;

/**
 * Why a secret can be guessed although it is long enough, as the rest of a sentence (RFC 8725 section 3.5). That bytes are random cannot
 * be proved: this finds what certainly is not, and nothing that was drawn at random.
 */
export function whyGuessable(secret: Buffer): string | undefined {
  if (repeatsItself(secret)) return 'is one text over and over';
  if (isSequence(secret)) return 'is a sequence of characters';
  if (spellings(secret).some((text) => PUBLISHED_SECRETS.has(text))) return 'was published as an example';
  if (spellings(secret).some(isPlaceholder)) return 'is made of words that placeholders are made of';
  return undefined;
}

/** Whether the first half, or less, decides all the rest. */
function repeatsItself(bytes: Buffer): boolean {
  for (let period = 1; period <= bytes.length / 2; period++) {
    if (bytes.subarray(period).equals(bytes.subarray(0, -period))) return true;
  }
  return false;
}

/** Whether nearly every byte is the one before it, or the next to it. */
function isSequence(bytes: Buffer): boolean {
  const steps = bytes.subarray(1).filter((byte, index) => Math.abs(byte - bytes.readUInt8(index)) <= 1);
  return steps.length >= (bytes.length - 1) * SHARE_OF_SEQUENCE;
}

/** The secret as people write it down: text as it stands, or text that was encoded, or bytes in an encoding. */
function spellings(secret: Buffer): string[] {
  const written = secret.toString('latin1').trim();
  const texts = [
    written,
    ...(/^[\w+/-]+=*$/.test(written) ? [Buffer.from(written, 'base64').toString('latin1')] : []),
    ...(/^[\da-f]+$/i.test(written) ? [Buffer.from(written, 'hex').toString('latin1')] : []),
  ].filter((text) => PRINTABLE.test(text));
  return [...texts, secret.toString('base64'), secret.toString('hex')].map(lettersAndDigits);
}

const PRINTABLE = /^[\x20-\x7e\s]+$/;

/** Without case and punctuation, which nobody who guesses is stopped by; base64 and base64url are then one. */
function lettersAndDigits(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Whether words of placeholders, in a row, are all of it, and more than the digits by which placeholders count and number themselves. */
function isPlaceholder(text: string): boolean {
  const digits = text.replaceAll(/\D/g, '').length;
  return text.length > 2 * digits && isMadeOf(PLACEHOLDER_WORDS, text);
}

/** Digits may stand anywhere between the words. */
function isMadeOf(words: readonly string[], text: string): boolean {
  const reached = new Set([0]);
  for (const start of reached) {
    if (/\d/.test(text.charAt(start))) reached.add(start + 1);
    for (const word of words) if (text.startsWith(word, start)) reached.add(start + word.length);
  }
  return reached.has(text.length);
}
