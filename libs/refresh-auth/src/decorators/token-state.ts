import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { carrierOf } from '../contexts/execution-context.js';
import { readNotes } from '../contexts/request-notes.js';
import type { LiveTokenState } from '../sessions/authenticator.js';

/** Injects the state of the token: `'valid'`, `'refreshable'` or `'already-refreshed'`. Injects `undefined` if the guard accepted no token. */
export const TokenState: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext): LiveTokenState | undefined => readNotes(carrierOf(context))?.state,
);
