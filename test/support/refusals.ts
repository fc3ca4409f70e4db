import { RefreshAuthError } from '../../libs/refresh-auth/src/errors/refresh-auth-error.js';
import { RefreshAuthOptionsError } from '../../libs/refresh-auth/src/errors/refresh-auth-options-error.js';

/** All that a refusal says, to be compared as a whole. Whatever else is thrown goes through, and fails the test. */
export function refusalOf(act: () => unknown): object {
  const error = thrownBy(act);
  if (!(error instanceof RefreshAuthError)) throw error;
  const { code, statusCode, message, detail } = error;
  return { code, statusCode, message, detail };
}

export function malformed(detail: string): object {
  return { code: 'token_malformed', statusCode: 401, message: 'The token is malformed', detail };
}

export function invalid(detail: string): object {
  return { code: 'token_invalid', statusCode: 401, message: 'The token is invalid', detail };
}

/** The option that does not boot, and the message without what all messages have in common. */
export function optionsErrorOf(act: () => unknown): object {
  const error = thrownBy(act);
  if (!(error instanceof RefreshAuthOptionsError)) throw error;
  const [start, option] = /^RefreshAuthModule(?: '[\w-]+')?: option `(.*?)` /.exec(error.message) ?? [''];
  return { option: error.option, says: option === error.option ? error.message.slice(start.length) : error };
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return new Error('Nothing was thrown');
}
