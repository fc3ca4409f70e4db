/**
 * The claims that the page draws. All times are in seconds.
 *
 * @typedef {object} Claims
 * @property {string} sub
 * @property {string} sid
 * @property {number} gen
 * @property {number} iat
 * @property {number} exp
 * @property {number} refresh_exp
 * @property {number} auth_time
 * @property {number} [session_lifetime]
 */

/**
 * Reads a token without verifying it, because only the server has the key.
 *
 * @param {string} token
 * @returns {Claims}
 */
export function claimsOf(token) {
  return JSON.parse(new TextDecoder().decode(fromBase64url(token.split('.')[1] ?? '')));
}

/**
 * Returns the token with another user in it, under the old signature.
 *
 * @param {string} token
 */
export function tampered(token) {
  const [header, , signature] = token.split('.');
  return `${header}.${toBase64url(encode({ ...claimsOf(token), sub: '2', type: 'admin' }))}.${signature}`;
}

/**
 * Returns a token with the same claims, signed with a new key.
 *
 * @param {string} token
 */
export async function forged(token) {
  const content = `${toBase64url(encode({ alg: 'HS256', typ: 'JWT' }))}.${token.split('.')[1]}`;
  const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(content));
  return `${content}.${toBase64url(new Uint8Array(signature))}`;
}

/** @param {object} value */
function encode(value) {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** @param {Uint8Array} bytes */
function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** @param {string} text */
function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}
