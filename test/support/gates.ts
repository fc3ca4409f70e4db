/** Where a handler waits until the test lets it go on. */
class Gate {
  arrived: () => void = () => undefined;
  open: () => void = () => undefined;
  readonly arrival = new Promise<void>((resolve) => (this.arrived = resolve));
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

/** Gates by name, made when they are first asked for. */
export class Gates {
  readonly #gates = new Map<string, Gate>();

  async pass(name: string): Promise<void> {
    this.#gate(name).arrived();
    await this.#gate(name).opened;
  }

  arrival(name: string): Promise<void> {
    return this.#gate(name).arrival;
  }

  open(name: string): void {
    this.#gate(name).open();
  }

  #gate(name: string): Gate {
    let gate = this.#gates.get(name);
    if (!gate) {
      gate = new Gate();
      this.#gates.set(name, gate);
    }
    return gate;
  }
}
