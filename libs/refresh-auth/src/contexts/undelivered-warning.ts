import { Logger } from '@nestjs/common';
import { moduleTitle } from '../errors/module-title.js';

/** Warns once, at the first new token that cannot be delivered because its context leads to no response. */
export class UndeliveredWarning {
  readonly #logger: Logger;
  #isGiven = false;

  /** @param name that of the module */
  constructor(name?: string) {
    this.#logger = new Logger(moduleTitle(name));
  }

  /** @param type that of the context */
  give(type: string): void {
    if (this.#isGiven) return;
    this.#isGiven = true;
    const remedy =
      type === 'graphql'
        ? 'Put the response into the context of GraphQLModule: `context: (request, reply) => ({ request, reply })`'
        : 'Return the response, too, from getRequestResponse(context) of your guard';
    this.#logger.warn(
      `A token was refreshed, but the new one could not be delivered, because a context of type ${type} led to no response. Clients that send only such requests are signed out at the end of their refresh window. ${remedy}.`,
    );
  }
}
