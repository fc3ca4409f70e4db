import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { type Access, accessKey } from './access.js';

interface Found {
  /** The class of the route: classes that inherit a handler share it, and each can be decorated for itself. */
  readonly owner: object;
  readonly access: Access | undefined;
}

/** Reads what the decorators of a route and of its class say: once, since each search for metadata costs as much as verifying a known token. */
export class RouteAccess {
  readonly #key: symbol;
  readonly #found = new WeakMap<object, Found>();

  /** @param module its name, if it has one */
  constructor(
    private readonly reflector: Reflector,
    module: string | undefined,
  ) {
    this.#key = accessKey(module);
  }

  of(context: ExecutionContext): Access | undefined {
    const handler = context.getHandler();
    const owner = context.getClass();
    const found = this.#found.get(handler);
    if (found?.owner === owner) return found.access;
    const access = this.reflector.getAllAndOverride<Access | undefined>(this.#key, [handler, owner]);
    this.#found.set(handler, { owner, access });
    return access;
  }
}
