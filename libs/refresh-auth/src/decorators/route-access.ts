import { type ExecutionContext, RequestMethod } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { type Access, accessKey } from './access.js';

interface Found {
  /** The class of the route. Classes that inherit a handler share it, but each can have its own decorators. */
  readonly owner: object;
  readonly access: Access | undefined;
}

/** Reads the decorators of a route and its class. Caches the result, because a lookup of metadata takes as long as verifying a known token. */
export class RouteAccess {
  readonly #key: symbol;
  readonly #found = new WeakMap<object, Found>();

  /** @param module the name of the module, if it has one */
  constructor(
    private readonly reflector: Reflector,
    module: string | undefined,
  ) {
    this.#key = accessKey(module);
  }

  /** Returns the access of the route; `undefined` if it requires a token. */
  of(context: ExecutionContext): Access | undefined {
    const handler = context.getHandler();
    const owner = context.getClass();
    const found = this.#found.get(handler);
    if (found?.owner === owner) return found.access;
    const access = this.reflector.getAllAndOverride<Access | undefined>(this.#key, [handler, owner]);
    this.#found.set(handler, { owner, access });
    return access;
  }

  /** Returns true if the route is one for the method `OPTIONS`, and not one for all methods. */
  isForOptions(context: ExecutionContext): boolean {
    return this.reflector.get<RequestMethod | undefined>('method', context.getHandler()) === RequestMethod.OPTIONS;
  }
}
